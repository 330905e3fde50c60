package ratelimit

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"time"

	"github.com/ulule/limiter/v3"

	"centinela/shared/clock"
	"centinela/shared/fault"
)

// Limit is one row of the table.
type Limit struct {
	Name  string // in the headers; a-z, 0-9, - and _
	Rate  string // "60-M": requests, then S, M, H or D
	Class string // the class of routes it is for; "" is every class
}

// ErrTooMany is what a caller answers when a limit is reached; it says how long to wait.
var ErrTooMany = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many requests")

// Table holds the limits and counts against them. Safe for concurrent use.
type Table struct {
	clk  clock.Clock
	rows []row
}

type row struct {
	Limit
	limiter *limiter.Limiter
}

// Result says how a limit stands after a request was counted.
type Result struct {
	Name      string
	Limit     int64
	Remaining int64
	Window    time.Duration
	Reset     time.Duration // until the window ends, whole seconds, from 1 to the window
	Reached   bool          // this request is over the limit
}

var nameForm = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)

// NewTable reads limits and counts in store, a Memory or another store of limiter's. Errors name the row.
func NewTable(limits []Limit, store limiter.Store, clk clock.Clock) (*Table, error) {
	t := &Table{clk: clk}
	seen := make(map[string]bool)
	for i, l := range limits {
		rate, err := limiter.NewRateFromFormatted(l.Rate)
		switch {
		case !nameForm.MatchString(l.Name) || seen[l.Name]:
			return nil, fmt.Errorf("limits[%d].name: must be 1 to 32 of a-z 0-9 _ - and used once", i)
		case err != nil || rate.Limit < 1:
			return nil, fmt.Errorf("limits[%d].rate: must be like 60-M (a number above 0, then S, M, H or D)", i)
		}
		seen[l.Name] = true
		t.rows = append(t.rows, row{Limit: l, limiter: limiter.New(store, rate)})
	}
	return t, nil
}

// Check counts one request of class by key against each limit of the class, and returns the one that is nearest to its
// end, or reached. ok is false when the class has no limit. An error is the store's: whether to let the request pass
// then is the caller's decision.
func (t *Table) Check(ctx context.Context, class, key string) (worst Result, ok bool, err error) {
	for _, r := range t.rows {
		if r.Class != "" && r.Class != class {
			continue
		}
		c, err := r.limiter.Get(ctx, r.Name+"\x00"+key) // of one class, or over all of them
		if err != nil {
			return Result{}, false, fmt.Errorf("limit %s: %w", r.Name, err)
		}
		got := Result{
			Name: r.Name, Limit: c.Limit, Remaining: c.Remaining, Window: r.limiter.Rate.Period, Reached: c.Reached,
			Reset: untilReset(c.Reset, t.clk.Now(), r.limiter.Rate.Period),
		}
		if !ok || got.worse(worst) {
			worst, ok = got, true
		}
	}
	return worst, ok, nil
}

// untilReset rounds up once more, and so would say a second more than the window at its very start.
func untilReset(unix int64, now time.Time, window time.Duration) time.Duration {
	left := (time.Unix(unix, 0).Sub(now) + time.Second - time.Nanosecond).Truncate(time.Second)
	return min(max(left, time.Second), window)
}

// worse: a reached limit comes first, of two the one that lasts longer; else the one with less left.
func (r Result) worse(than Result) bool {
	if r.Reached != than.Reached {
		return r.Reached
	}
	if r.Reached {
		return r.Reset > than.Reset
	}
	return r.Remaining < than.Remaining
}

// Headers sets RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10 §3, §4).
func (r Result) Headers(h http.Header) {
	// Written by hand, under the names as http.Header keeps them: every request of the gateway passes here.
	h["Ratelimit-Policy"] = []string{r.member(";q=", r.Limit, ";w=", r.Window)}
	h["Ratelimit"] = []string{r.member(";r=", r.Remaining, ";t=", r.Reset)}
}

// member is one item of a structured field (RFC 9651): the name needs no escapes, see nameForm.
func (r Result) member(count string, n int64, period string, d time.Duration) string {
	b := make([]byte, 0, 64)
	b = append(append(append(b, '"'), r.Name...), '"')
	b = strconv.AppendInt(append(b, count...), n, 10)
	b = strconv.AppendInt(append(b, period...), int64(d/time.Second), 10)
	return string(b)
}

// Err is nil below the limit, and ErrTooMany with the time to wait above it; the writer of problems makes it a 429
// with Retry-After.
func (r Result) Err() error {
	if !r.Reached {
		return nil
	}
	return ErrTooMany.WithRetryAfter(r.Reset)
}

// KeyOf groups addresses by who holds them: an IPv4 address by itself, IPv6 by /64, which is what one customer gets
// and can choose freely from. IPv4 in IPv6 is IPv4.
func KeyOf(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
