package edge

import (
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/gateway/internal/telemetry"
	"centinela/shared/httpkit"
	"centinela/shared/obs"
	"centinela/shared/ratelimit"
	"centinela/shared/record"
)

// Classes of routes with a limit of their own, as the specification names them (x-rate): what costs, or what guessing
// pays at. All others are ClassOther.
const (
	ClassOther    = "other"
	ClassSignUp   = "sign_up"
	ClassSignIn   = "sign_in"
	ClassRefresh  = "refresh"
	ClassRecovery = "recovery"
)

var classes = []string{ClassSignUp, ClassSignIn, ClassRefresh, ClassRecovery}

// Classes reads the class of each operation (x-rate). A class that nobody knows is an error: it would have no limit.
func Classes(spec *openapi3.T) (map[string]string, error) {
	of := map[string]string{}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			given, ok := op.Extensions["x-rate"]
			if !ok {
				continue
			}
			class, _ := given.(string)
			if !slices.Contains(classes, class) {
				return nil, fmt.Errorf("%s %s: x-rate is %v, which is none of %v", method, path, given, classes)
			}
			of[op.OperationID] = class
		}
	}
	return of, nil
}

// Rates counts requests an address makes, by class of route (R2.2). They are coarse and kept in memory: what must not be
// forgotten is counted in the services' stores.
type Rates struct {
	Table     *ratelimit.Table
	Classes   map[string]string // by operation
	Operators *Operators
	Recorder  *telemetry.Recorder
	Refused   *obs.Outcomes
}

// Check refuses the request that is too many, and closes its connection; it tells every request how its limit stands.
func (l *Rates) Check(c *gin.Context) {
	ctx := c.Request.Context()
	r := httpkit.RequestOf(ctx)
	class, ok := l.Classes[httpkit.OperationOf(ctx)]
	if !ok {
		class = ClassOther
	}
	result, counted, err := l.Table.Check(ctx, class, keyOf(r))
	if err != nil {
		httpkit.Fail(c, err) // closed: the store is this process's memory, and only fails with ctx
		return
	}
	if !counted {
		return
	}
	result.Headers(c.Writer.Header())
	if err := result.Err(); err != nil && !l.Operators.Proved(c) {
		l.Refused.Count("rate_" + result.Name)
		l.Recorder.Note(telemetry.Refusal{Action: record.GatewayRateLimited, Address: keyOf(r), Reason: result.Name}, Origin(r))
		hangUp(c)
		httpkit.Fail(c, err)
	}
}

// keyOf is what a client is counted by.
func keyOf(r httpkit.Request) string {
	if r.Addr.IsValid() {
		return ratelimit.KeyOf(r.Addr)
	}
	return r.Address
}

// hangUp ends the connection after this answer: on HTTP/1.1 at once, on HTTP/2 when its streams have ended (RFC 9113
// §6.8). Whoever floods on one connection would else be refused for less than it costs us.
func hangUp(c *gin.Context) { c.Writer.Header()["Connection"] = []string{"close"} }
