package edge

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"centinela/gateway/internal/telemetry"
	"centinela/shared/httpkit"
	"centinela/shared/ratelimit"
	"centinela/shared/record"
)

// Classes of routes with a limit of their own.
const (
	ClassOther    = "other"
	ClassSignUp   = "sign_up"
	ClassSignIn   = "sign_in"
	ClassRecovery = "recovery"
)

// classes are the operations that cost, or that guessing pays at.
var classes = map[string]string{
	"createAccount":    ClassSignUp,
	"createSession":    ClassSignIn,
	"refreshSession":   ClassSignIn,
	"changePassword":   ClassSignIn,
	"startRecovery":    ClassRecovery,
	"sendRecoveryCode": ClassRecovery,
	"addEvidence":      ClassRecovery,
	"completeRecovery": ClassRecovery,
	"vetoRecovery":     ClassRecovery,
	"verifyPhone":      ClassRecovery,
	"sendPhoneCode":    ClassRecovery,
	"addPhone":         ClassRecovery,
}

// Rates counts requests an address makes, by class of route (R2.2). They are
// coarse and kept in memory: what must not be forgotten is counted in the
// services' stores.
type Rates struct {
	Table    *ratelimit.Table
	Recorder *telemetry.Recorder
}

// Check refuses the request that is too many, and tells every request how its
// limit stands.
func (l *Rates) Check(c *gin.Context) {
	ctx := c.Request.Context()
	r := httpkit.RequestOf(ctx)
	key := r.Address
	if addr, err := netip.ParseAddr(r.Address); err == nil {
		key = ratelimit.KeyOf(addr)
	}
	class, ok := classes[httpkit.OperationOf(ctx)]
	if !ok {
		class = ClassOther
	}
	result, counted, err := l.Table.Check(ctx, class, key)
	if err != nil {
		httpkit.Fail(c, err) // closed: the store is this process's memory, and only fails with ctx
		return
	}
	if !counted {
		return
	}
	result.Headers(c.Writer.Header())
	if err := result.Err(); err != nil {
		l.Recorder.Note(telemetry.Refusal{Action: record.GatewayRateLimited, Address: r.Address, Reason: result.Name}, Origin(r))
		httpkit.Fail(c, err)
	}
}
