package edge

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/gateway/internal/telemetry"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/obs"
	"centinela/shared/ratelimit"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

var (
	errRefused = fault.New(fault.KindForbidden, fault.CodeRefusedByFirewall, "")
	errSession = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "this session is over; sign in again")
)

// Firewall refuses what a verdict refuses (R2.3, R5.4).
type Firewall struct {
	Set       *verdicts.Set
	Clock     clock.Clock
	Operators *Operators
	Recorder  *telemetry.Recorder
	Refused   *obs.Outcomes
}

// ByAddress runs before anything that costs.
func (f *Firewall) ByAddress(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	if !r.Addr.IsValid() {
		return // no TCP peer: only in tests of single handlers
	}
	f.check(c, r, "", "")
}

// ByPerson runs when the person is known: a revoked session is dead from here on.
func (f *Firewall) ByPerson(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	if r.Person == nil {
		return
	}
	f.check(c, r, r.Person.Account, r.Person.Session)
}

func (f *Firewall) check(c *gin.Context, r httpkit.Request, account, session string) {
	now := f.Clock.Now()
	v, refused := f.Set.Check(r.Addr, account, session, "", now)
	if !refused || f.Operators.Proved(c) { // his operations have no person: what refuses him here is his address
		return
	}
	c.Set(noted, true)
	f.Refused.Count("verdict_" + v.Kind)
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: keyOf(r), Reason: "verdict " + v.ID, Account: account}, Origin(r))
	if v.Kind == verdicts.KindSession {
		httpkit.Fail(c, errSession)
		return
	}
	hangUp(c)
	httpkit.Fail(c, errRefused.WithRetryAfter(v.Until.Sub(now)).WithDetail(
		"refused until "+v.Until.UTC().Format(time.RFC3339)+" by decision "+v.ID+": "+v.Reason+"; if that is wrong, give the operator this id"))
}

// noted marks, among gin's keys, a refusal that is on its way to the record already.
const noted = "centinela.refusal_noted"

// Unreadable takes note of what is no request that net/http could read, and tells whether it may be answered: nothing
// that a refused address sends is.
func (f *Firewall) Unreadable(addr netip.Addr) (answer bool) {
	f.Refused.Count(unreadable)
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: ratelimit.KeyOf(addr), Reason: unreadable}, record.Origin{Address: addr.String()})
	_, refused := f.Set.Check(addr, "", "", "", f.Clock.Now())
	return !refused
}

const unreadable = "unreadable"

// Outcomes are what a Firewall, and Rates with these limits, count as refused.
func Outcomes(limits ...string) []string {
	outcomes := []string{unreadable}
	for _, kind := range []string{verdicts.KindIP, verdicts.KindPrefix, verdicts.KindAccount, verdicts.KindSession, verdicts.KindDevice} {
		outcomes = append(outcomes, "verdict_"+kind)
	}
	for _, limit := range limits {
		outcomes = append(outcomes, "rate_"+limit)
	}
	return outcomes
}

// Refusals tells the record about requests that failed authentication or the
// spec here: probing shows there. What a service refuses, it records itself.
func (f *Firewall) Refusals(c *gin.Context) {
	c.Next()
	if !c.IsAborted() || c.GetBool(noted) {
		return
	}
	status := c.Writer.Status()
	switch status {
	case http.StatusUnauthorized, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusBadRequest:
	case http.StatusNotFound:
		if c.FullPath() != "" {
			return // somebody's missing thing, not a probed route
		}
	default:
		return
	}
	r := httpkit.RequestOf(c.Request.Context())
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: keyOf(r), Reason: http.StatusText(status)}, Origin(r))
}

// Origin is a request's origin as the record keeps it.
func Origin(r httpkit.Request) record.Origin {
	return record.Origin{Address: r.Address, UserAgent: r.UserAgent, RequestID: r.ID}
}
