package edge

import (
	"context"
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
	errRefused    = fault.New(fault.KindForbidden, fault.CodeRefusedByFirewall, "")
	errChallenged = fault.New(fault.KindForbidden, fault.CodeChallengeRequired, "")
	errThrottled  = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "")
	errSession    = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "this session is over; sign in again")
)

// Firewall does what the verdicts say (R2.3, R5.4).
type Firewall struct {
	Heard     func(ctx context.Context) error // nil when it is known whom to refuse (verdicts.Feed)
	Set       *verdicts.Set
	Clock     clock.Clock
	Operators *Operators
	// Throttled counts the requests of a verdict that slows down.
	Throttled *ratelimit.Table
	Recorder  *telemetry.Recorder
	Refused   *obs.Outcomes
}

// ByAddress runs before anything that costs.
func (f *Firewall) ByAddress(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	if !r.Addr.IsValid() {
		return // no TCP peer: only in tests of single handlers
	}
	if err := f.Heard(c.Request.Context()); err != nil {
		httpkit.Fail(c, err)
		return
	}
	f.check(c, r, verdicts.Client{Addr: r.Addr})
}

// ByPerson runs when the person is known: a refused session is dead from here on.
func (f *Firewall) ByPerson(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	if r.Person == nil {
		return
	}
	f.check(c, r, verdicts.Client{Addr: r.Addr, Account: r.Person.Account, Session: r.Person.Session})
}

func (f *Firewall) check(c *gin.Context, r httpkit.Request, who verdicts.Client) {
	now := f.Clock.Now()
	d := f.Set.Check(who, now)
	if d.Passes() || f.Operators.Proved(c) { // his operations have no person: what refuses him here is his address
		return
	}
	err := f.answer(c, d, now)
	if err == nil {
		return
	}
	c.Set(noted, true)
	f.Refused.Count("verdict_" + d.Verdict.Subjects[0].Kind)
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: keyOf(r), Reason: "verdict " + d.Verdict.ID, Account: who.Account}, Origin(r))
	hangUp(c)
	httpkit.Fail(c, err)
}

// answer says what a verdict means to whom it hits; nil for a request that is slow enough.
func (f *Firewall) answer(c *gin.Context, d verdicts.Decision, now time.Time) error {
	v := d.Verdict
	why := " until " + v.Until.UTC().Format(time.RFC3339) + " by decision " + v.ID + ": " + v.Reason + "; if that is wrong, give the operator this id"
	switch d.Action {
	case verdicts.Throttle:
		if c.GetString(slowed) == v.ID {
			return nil // counted when only the address was known
		}
		c.Set(slowed, v.ID)
		result, _, err := f.Throttled.Check(c.Request.Context(), "", v.ID)
		if err != nil || !result.Reached {
			return err
		}
		return errThrottled.WithRetryAfter(result.Reset).WithDetail("slowed down" + why)
	case verdicts.Challenge:
		return errChallenged.WithRetryAfter(v.Until.Sub(now)).WithDetail("asked for proof of a human" + why)
	case verdicts.Refuse:
		if v.Names(verdicts.KindSession) {
			return errSession
		}
		return errRefused.WithRetryAfter(v.Until.Sub(now)).WithDetail("refused" + why)
	}
	return nil
}

// Marks among gin's keys.
const (
	noted  = "centinela.refusal_noted" // a refusal that is on its way to the record already
	slowed = "centinela.slowed"        // the verdict that the request was counted for
)

// Unreadable takes note of what is no request that net/http could read, and tells whether it may be answered: nothing
// that a refused address sends is.
func (f *Firewall) Unreadable(addr netip.Addr) (answer bool) {
	f.Refused.Count(unreadable)
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: ratelimit.KeyOf(addr), Reason: unreadable}, record.Origin{Address: addr.String()})
	return f.Set.Check(verdicts.Client{Addr: addr}, f.Clock.Now()).Passes()
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
