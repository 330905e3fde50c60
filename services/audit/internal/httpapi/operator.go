package httpapi

import (
	"context"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit/internal/firewall"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/record"
)

const (
	operatorScheme = "operatorAuth" // in the specification
	defaultTTL     = 600            // seconds
)

var (
	errNoOperator  = fault.New(fault.KindUnauthenticated, fault.CodeUnauthenticated, "the operator's token is required")
	errNotOperator = fault.New(fault.KindForbidden, fault.CodeForbidden, "only the operator may do this")
)

// operatorOperations are the operations that the specification gives to the operator.
func operatorOperations(spec *openapi3.T) map[string]bool {
	found := make(map[string]bool)
	for _, item := range spec.Paths.Map() {
		for _, op := range item.Operations() {
			if op.Security == nil {
				continue
			}
			for _, alternative := range *op.Security {
				if _, ok := alternative[operatorScheme]; ok {
					found[op.OperationID] = true
				}
			}
		}
	}
	return found
}

// OperatorOnly checks `Authorization: Operator <token>`, signed with the
// operator's own key for this service, where the specification asks for it. The
// gateway passes it on and proves nothing. It belongs before the validation:
// whoever is nobody learns nothing from it.
func (a *API) OperatorOnly(spec *openapi3.T) gin.HandlerFunc {
	operations := operatorOperations(spec)
	return func(c *gin.Context) {
		if !operations[httpkit.OperationOf(c.Request.Context())] {
			return
		}
		scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
		caller, err := a.Operators.Verify(strings.TrimSpace(token))
		switch {
		case !strings.EqualFold(scheme, "Operator") || err != nil:
			c.Header("WWW-Authenticate", "Operator")
			httpkit.Fail(c, errNoOperator.WithCause(err))
		case caller != module.Operator:
			httpkit.Fail(c, errNotOperator)
		default:
			obs.From(c.Request.Context()).Set("operator", true)
		}
	}
}

// ListVerdicts shows the operator the verdicts in force; the look is recorded first.
func (a *API) ListVerdicts(ctx context.Context, request auditapi.ListVerdictsRequestObject) (auditapi.ListVerdictsResponseObject, error) {
	read := record.New(a.Clock.Now(), a.Service, record.AuditRead, record.Success, originOf(ctx))
	read.Data = record.Data{"by": module.Operator, "what": "verdicts"}
	if err := a.Record(ctx, read); err != nil {
		return nil, err
	}
	page, err := a.Firewall.List(ctx, value(request.Params.Cursor), limitOf(request.Params.Limit))
	if err != nil {
		return nil, err
	}
	return auditapi.ListVerdicts200JSONResponse(verdictPageOf(page)), nil
}

// AddVerdict puts the operator's verdict in force.
func (a *API) AddVerdict(ctx context.Context, request auditapi.AddVerdictRequestObject) (auditapi.AddVerdictResponseObject, error) {
	body := request.Body
	seconds := defaultTTL
	if body.TtlSeconds != nil {
		seconds = *body.TtlSeconds
	}
	v, err := a.Firewall.Add(ctx, firewall.Order{
		Subjects: subjectsFrom(body.Subjects), Action: string(body.Action), Reason: body.Reason, TTL: time.Duration(seconds) * time.Second,
		Force: value(body.Force),
	}, originOf(ctx))
	if err != nil {
		return nil, err
	}
	return auditapi.AddVerdict201JSONResponse(verdictOf(v)), nil
}

// RemoveVerdict lifts a verdict.
func (a *API) RemoveVerdict(ctx context.Context, request auditapi.RemoveVerdictRequestObject) (auditapi.RemoveVerdictResponseObject, error) {
	if err := a.Firewall.Remove(ctx, request.VerdictId, originOf(ctx)); err != nil {
		return nil, err
	}
	return auditapi.RemoveVerdict204Response{}, nil
}

func originOf(ctx context.Context) record.Origin {
	r := httpkit.RequestOf(ctx)
	return record.Origin{Address: r.Address, UserAgent: r.UserAgent, RequestID: r.ID}
}
