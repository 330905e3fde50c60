package httpkit

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

var errMethod = fault.New(fault.KindMethodNotAllowed, fault.CodeMethodNotAllowed, "the route does not have this method")

// separate keeps fixed routes out of the ones with a parameter at the same place: gin looks for a route a method at a
// time, so that DELETE of a fixed path that has none would be the DELETE of the parameter's route, with "refresh" as an
// id (gateway.md, "Routes can't overlap"). Such a method gets a route that refuses it.
func (s *Server) separate() {
	s.allowed = map[string]string{}
	paths := s.opts.Spec.Paths.Map()
	for fixed, item := range paths {
		if strings.Contains(fixed, "{") {
			continue
		}
		for pattern, other := range paths {
			if !matches(pattern, fixed) {
				continue
			}
			s.allowed[fixed] = strings.Join(methods(item), ", ")
			for method := range other.Operations() {
				if item.GetOperation(method) == nil {
					s.ops[method+" "+fixed] = &operation{
						id: unknownID, maxBody: DefaultMaxBody, callers: map[string]bool{"*": true}, good: s.unknown.good, duration: s.unknown.duration,
					}
					s.engine.Handle(method, fixed, s.noMethod)
				}
			}
		}
	}
}

// noMethod answers 405. Gin has set Allow, which for a fixed route that separate knows holds too much.
func (s *Server) noMethod(c *gin.Context) {
	if allow, ok := s.allowed[c.Request.URL.Path]; ok {
		c.Header("Allow", allow)
	}
	Fail(c, errMethod)
}

func methods(item *openapi3.PathItem) []string { return slices.Sorted(maps.Keys(item.Operations())) }

// matches reports whether a path with parameters takes fixed.
func matches(pattern, fixed string) bool {
	want, have := strings.Split(pattern, "/"), strings.Split(fixed, "/")
	if pattern == fixed || len(want) != len(have) {
		return false
	}
	for i := range want {
		if want[i] != have[i] && !(strings.HasPrefix(want[i], "{") && have[i] != "") {
			return false
		}
	}
	return true
}
