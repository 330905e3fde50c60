package limits

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/limits"
	"centinela/shared/secret"
)

// spendTime bounds what is carried out though its caller is gone.
const spendTime = 10 * time.Second

// Budget counts uses of the table.
type Budget struct{ limiter *limits.Limiter }

// New returns the budget of a table, or all that is wrong with it.
func New(store limits.Store, key secret.Key, clk clock.Clock, c Config) (*Budget, error) {
	l, err := limits.New(store, key, clk, table(c)...)
	return &Budget{l}, err
}

// Full says whether err is that of a limit that has no room, and for how long: 0
// when it is a code's own guesses, because another code helps and waiting doesn't.
func Full(err error) (wait time.Duration, ok bool) {
	full, ok := errors.AsType[*limits.Full](err)
	if !ok || full.Name == tryCode {
		return 0, ok
	}
	return full.Wait, true
}

// Take counts all uses, or none when one has no room (Full).
func (b *Budget) Take(ctx context.Context, uses ...Use) error { return b.limiter.Take(ctx, uses...) }

// Spend takes the uses and then does what they pay for; when that is refused,
// because the state changed meanwhile, they are given back (V24). Once taken, it
// goes on though the caller hangs up: or hanging up at the right moment would
// use up somebody's notice without telling him.
func (b *Budget) Spend(ctx context.Context, do func(ctx context.Context) error, uses ...Use) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), spendTime)
	defer cancel()
	if err := b.Take(ctx, uses...); err != nil {
		return err
	}
	err := do(ctx)
	if err == nil {
		return nil
	}
	switch fault.From(err).Kind {
	case fault.KindInternal, fault.KindUnavailable, fault.KindTimeout: // nobody knows whether it was done
		return err
	default:
	}
	back := make([]limits.Pardon, len(uses))
	for i, use := range uses {
		back[i] = use.One()
	}
	return errors.Join(err, b.limiter.Forgive(ctx, back...))
}

// SpendOr is Spend of what may be done in a smaller way when there is no room.
func (b *Budget) SpendOr(ctx context.Context, do func(ctx context.Context, room bool) error, uses ...Use) error {
	err := b.Spend(ctx, func(ctx context.Context) error { return do(ctx, true) }, uses...)
	if _, full := Full(err); full {
		return do(ctx, false)
	}
	return err
}

// Worked sets the guesses in a row back: the number was proved, so nobody's
// guesses keep its holder out, in any lane.
func (b *Budget) Worked(ctx context.Context, account, number string) error {
	back := []limits.Pardon{limits.Of(tryOwnAll, account, number).All()}
	for _, lane := range []string{LaneKnown, LaneFamiliar, LaneAnonymous} {
		back = append(back, limits.Of(tryFlowAll, lane, account, number).All())
	}
	return b.limiter.Forgive(ctx, back...)
}

// WorkedIn is Worked in one lane of recoveries alone.
func (b *Budget) WorkedIn(ctx context.Context, lane, account, number string) error {
	return b.limiter.Forgive(ctx, limits.Of(tryFlowAll, lane, account, number).All())
}

// Prune forgets counters that no limit looks at any more, at most limit, and
// returns how many.
func (b *Budget) Prune(ctx context.Context, limit int) (int, error) {
	return b.limiter.Prune(ctx, limit)
}

// network is what an address is counted by: an IPv6 user has a whole /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	a = a.Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

// resendAfter is the wait after the first, second, … code.
var resendAfter = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

// NextSend is how long after now the next code may be sent, given the ones that
// were. The waits differ by ±20 % with key, so that clients don't come in step.
func NextSend(key string, sends []time.Time, now time.Time) time.Duration {
	sends = since(sends, now)
	if len(sends) == 0 {
		return 0
	}
	k := len(sends)
	wait := resendAfter[min(k, len(resendAfter))-1]
	sum := sha256.Sum256([]byte(key + ":" + strconv.Itoa(k)))
	spread := time.Duration(binary.BigEndian.Uint16(sum[:])%401) - 200 // -200 to 200 of 1000
	next := sends[k-1].Add(wait + wait*spread/1000)
	if k >= burst {
		next = due.Later(next, sends[k-burst].Add(burstWindow))
	}
	if k >= sendsPerDay {
		next = due.Later(next, sends[k-sendsPerDay].Add(aDay))
	}
	return max(0, next.Sub(now))
}

// Sent adds now to the times of codes that were sent, and forgets old ones.
func Sent(sends []time.Time, now time.Time) []time.Time { return append(since(sends, now), now) }

// Tries is how often codes were tried, as Try counts them: it shows a claimant what
// is left of the limit, which decides alone.
type Tries struct {
	Used  int       `json:"used,omitempty"`
	Until time.Time `json:"until,omitzero"` // when they are forgotten
}

// With is t after one more at now.
func (t Tries) With(now time.Time) Tries {
	if !now.Before(t.Until) {
		t = Tries{Until: now.Add(aDay)}
	}
	t.Used++
	return t
}

// Left is how many more are checked.
func (t Tries) Left(now time.Time) int {
	if !now.Before(t.Until) {
		return triesPerCode
	}
	return max(0, triesPerCode-t.Used)
}

// clockSkew is how far machines' clocks may be apart.
const clockSkew = time.Minute

// since keeps the last day. A time in the future, by another machine's clock,
// counts as now; one further ahead was written before our clock was set back,
// and would make everybody wait until it has caught up: it counts for nothing.
func since(times []time.Time, now time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		switch {
		case t.After(now.Add(clockSkew)) || !t.After(now.Add(-aDay)):
		case t.After(now):
			kept = append(kept, now)
		default:
			kept = append(kept, t)
		}
	}
	return kept
}
