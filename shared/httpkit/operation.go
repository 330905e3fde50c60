package httpkit

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/prometheus/client_golang/prometheus"
)

const bearerScheme = "bearerAuth"

// operation is what the specification says about one route, worked out once.
type operation struct {
	id      string
	callers map[string]bool // x-callers; "*" lets every service in
	maxBody int64
	long    bool

	person       bool // a person's token may come
	personNeeded bool // and must

	good     prometheus.Counter // of its requests that went well
	duration prometheus.Observer

	query map[string]bool // declared query parameters
	body  *openapi3.RequestBody
	route *routers.Route
}

// unknownID stands for a route that the specification doesn't have.
const unknownID = "unknown"

// operations maps gin's method and full path to the operation, so that finding it costs one map lookup and no second
// router has to agree with the first.
func operations(spec *openapi3.T) map[string]*operation {
	ops := make(map[string]*operation)
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			ops[method+" "+GinPath(path)] = newOperation(spec, path, method, item, op)
		}
	}
	return ops
}

func newOperation(spec *openapi3.T, path, method string, item *openapi3.PathItem, op *openapi3.Operation) *operation {
	o := &operation{
		id: cmp.Or(op.OperationID, unknownID), maxBody: DefaultMaxBody, query: make(map[string]bool), callers: make(map[string]bool),
	}
	if n, ok := op.Extensions["x-max-body"].(float64); ok { // as JSON's numbers are
		o.maxBody = int64(n)
	}
	o.long, _ = op.Extensions["x-long"].(bool)
	callers, _ := op.Extensions["x-callers"].([]any)
	for _, name := range callers {
		o.callers[fmt.Sprint(name)] = true
	}
	for _, params := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, p := range params {
			if p.Value.In == openapi3.ParameterInQuery {
				o.query[p.Value.Name] = true
			}
		}
	}
	security := spec.Security
	if op.Security != nil {
		security = *op.Security
	}
	o.personNeeded = len(security) > 0
	for _, alternative := range security {
		_, bearer := alternative[bearerScheme]
		o.person = o.person || bearer
		o.personNeeded = o.personNeeded && bearer
	}
	if op.RequestBody != nil {
		o.body = op.RequestBody.Value
	}
	// kin-openapi would read the whole body to check security, streams too; security is ours (identity.go). What a request
	// isn't checked against (answers, examples, other operations) is let go with the specification: 5 MB of 17 that each
	// collection would go through.
	checked := openapi3.Operation{Parameters: op.Parameters, RequestBody: op.RequestBody, Security: openapi3.NewSecurityRequirements()}
	o.route = &routers.Route{Spec: &openapi3.T{}, Path: path, PathItem: &openapi3.PathItem{Parameters: item.Parameters}, Method: method, Operation: &checked}
	return o
}

// GinPath writes /a/{id} as /a/:id.
func GinPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
