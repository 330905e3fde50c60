package httpkit

import (
	"encoding/json"
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
	bare := *spec
	bare.Servers = nil
	ops := make(map[string]*operation)
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			ops[method+" "+ginPath(path)] = newOperation(&bare, path, method, item, op)
		}
	}
	return ops
}

func newOperation(spec *openapi3.T, path, method string, item *openapi3.PathItem, op *openapi3.Operation) *operation {
	o := &operation{id: op.OperationID, maxBody: DefaultMaxBody, query: make(map[string]bool), callers: make(map[string]bool)}
	if o.id == "" {
		o.id = unknownID
	}
	if n := extensionInt(op.Extensions["x-max-body"]); n > 0 {
		o.maxBody = n
	}
	o.long, _ = op.Extensions["x-long"].(bool)
	for _, name := range extensionStrings(op.Extensions["x-callers"]) {
		o.callers[name] = true
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
	// kin-openapi would read the whole body to check security, streams too; security is ours (identity.go).
	checked := *op
	checked.Security = openapi3.NewSecurityRequirements()
	o.route = &routers.Route{Spec: spec, Path: path, PathItem: item, Method: method, Operation: &checked}
	return o
}

// ginPath writes /a/{id} as /a/:id.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// Extensions come as Go values or raw JSON, depending on how the document was loaded.
func extensionInt(v any) int64 {
	switch n := v.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case uint64:
		return int64(n)
	case float64:
		return int64(n)
	case json.Number:
		i, err := n.Int64()
		if err == nil {
			return i
		}
	}
	return 0
}

func extensionStrings(v any) []string {
	list, _ := v.([]any)
	names := make([]string, 0, len(list))
	for _, item := range list {
		if s, ok := item.(string); ok {
			names = append(names, s)
		}
	}
	return names
}
