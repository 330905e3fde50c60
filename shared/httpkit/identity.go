package httpkit

import (
	"strings"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

var (
	errNoPerson = fault.New(fault.KindUnauthenticated, fault.CodeUnauthenticated, "an access token is required")
	errCaller   = fault.New(fault.KindForbidden, fault.CodeCallerNotAllowed, "this service may not call this operation")
)

// serviceChallenge marks a 401 that is about the calling service, so that its client does not take it for the person's.
const serviceChallenge = "Centinela-Service"

// caller proves which service calls and that the operation lists it (x-callers; a route that is not in the
// specification lists nobody). From then on what the service says about the client is believed.
func (s *Server) caller(c *gin.Context) {
	if s.opts.Public || c.FullPath() == "" { // an unknown route has nothing to protect, its 404 follows
		c.Next()
		return
	}
	r := c.Request
	st := stateOf(r.Context())
	name, err := s.opts.Callers.Verify(r.Header.Get(HeaderService))
	if err != nil {
		c.Header("WWW-Authenticate", serviceChallenge)
		Fail(c, err)
		return
	}
	st.Caller = name
	if !st.op.callers[name] && !st.op.callers["*"] {
		Fail(c, errCaller)
		return
	}
	addr, _ := parseAddress(r.Header.Get(HeaderClientAddress))
	st.setAddress(addr)
	st.UserAgent = shorten(r.Header.Get(HeaderUserAgent), maxUserAgent)
	c.Next()
}

// person verifies the person's token where the operation takes one. Other schemes of the specification are the
// handler's; where one of them is an alternative, a request without an access token passes, one with a bad token doesn't.
func (s *Server) person(c *gin.Context) {
	st := stateOf(c.Request.Context())
	if !st.op.person {
		c.Next()
		return
	}
	token := bearer(c.GetHeader("Authorization"))
	if token == "" && !st.op.personNeeded {
		c.Next()
		return
	}
	if token == "" {
		c.Header("WWW-Authenticate", "Bearer")
		Fail(c, errNoPerson)
		return
	}
	claims, err := s.opts.People.Verify(c.Request.Context(), token)
	if err != nil {
		if fault.From(err).Kind == fault.KindUnauthenticated {
			c.Header("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 §3.1
		}
		Fail(c, err)
		return
	}
	st.Person, st.Token = &claims, token
	c.Next()
}

func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
