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
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

var (
	errRefused = fault.New(fault.KindForbidden, fault.CodeRefusedByFirewall, "")
	errSession = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "this session is over; sign in again")
)

// Firewall refuses what a verdict refuses (R2.3, R5.4).
type Firewall struct {
	Set      *verdicts.Set
	Clock    clock.Clock
	Recorder *telemetry.Recorder
}

// ByAddress runs before anything that costs.
func (f *Firewall) ByAddress(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	addr, err := netip.ParseAddr(r.Address)
	if err != nil {
		return // no TCP peer: only in tests of single handlers
	}
	f.check(c, r, addr, "", "")
}

// ByPerson runs when the person is known: a revoked session is dead from here on.
func (f *Firewall) ByPerson(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	if r.Person == nil {
		return
	}
	addr, err := netip.ParseAddr(r.Address)
	if err != nil {
		addr = netip.Addr{}
	}
	f.check(c, r, addr, r.Person.Account, r.Person.Session)
}

func (f *Firewall) check(c *gin.Context, r httpkit.Request, addr netip.Addr, account, session string) {
	now := f.Clock.Now()
	v, refused := f.Set.Check(addr, account, session, "", now)
	if !refused {
		return
	}
	c.Set(noted, true)
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: r.Address, Reason: "verdict " + v.ID, Account: account}, Origin(r))
	if v.Kind == verdicts.KindSession {
		httpkit.Fail(c, errSession)
		return
	}
	httpkit.Fail(c, errRefused.WithRetryAfter(v.Until.Sub(now)).WithDetail(
		"refused until "+v.Until.UTC().Format(time.RFC3339)+" by decision "+v.ID+": "+v.Reason+"; if that is wrong, give the operator this id"))
}

// noted marks, among gin's keys, a refusal that is on its way to the record already.
const noted = "centinela.refusal_noted"

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
	f.Recorder.Note(telemetry.Refusal{Action: record.GatewayRequestRefused, Address: r.Address, Reason: http.StatusText(status)}, Origin(r))
}

// Origin is a request's origin as the record keeps it.
func Origin(r httpkit.Request) record.Origin {
	return record.Origin{Address: r.Address, UserAgent: r.UserAgent, RequestID: r.ID}
}
