package edge

import (
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/svcauth"
)

// Operators tells the operator's requests from those that only claim to be. What a proved operator does passes the
// verdicts on addresses and the public rates, or who refused his own address could never take it back (gateway.md,
// "Firewall"; FR A21). A claim without a proof passes nothing, and neither does a proof at another operation.
type Operators struct {
	operations map[string]bool
	verifier   *svcauth.Verifier
}

// NewOperators reads the specification for the operations that take an operator's token. It is made for audit, which
// checks it again.
func NewOperators(spec *openapi3.T, keys svcauth.Keyring) *Operators {
	o := &Operators{operations: map[string]bool{}, verifier: svcauth.NewVerifier(module.Audit, keys)}
	for _, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Security == nil {
				continue
			}
			for _, way := range *op.Security {
				if _, ok := way["operatorAuth"]; ok {
					o.operations[op.OperationID] = true
				}
			}
		}
	}
	return o
}

// Proved reports whether the request is the operator's, and at one of his operations. It costs a signature for a token
// that wasn't seen before: ask it last.
func (o *Operators) Proved(c *gin.Context) bool {
	if !o.operations[httpkit.OperationOf(c.Request.Context())] {
		return false
	}
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	if !strings.EqualFold(scheme, "Operator") {
		return false
	}
	name, err := o.verifier.Verify(strings.TrimSpace(token))
	return err == nil && name == module.Operator
}
