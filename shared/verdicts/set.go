package verdicts

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"
)

// Set holds all verdicts. Check is lock-free and safe for concurrent use with everything else; changes wait for each
// other. The zero value isn't usable; see NewSet.
type Set struct {
	now atomic.Pointer[state]

	mu   sync.Mutex // writers
	byID map[string]*rule
}

// state is one version of the set and is never changed once published.
type state struct {
	allowed, acting *bart.Table[listed] // verdicts on addresses alone; in two tables, so that a lookup stops at the first hit
	identities      layered
}

// listed are the verdicts on one prefix, which carry its length along so that a lookup can go on to a shorter one.
type listed struct {
	bits int
	list []*rule
}

// NewSet is a Set that refuses nobody.
func NewSet() *Set {
	s := &Set{byID: map[string]*rule{}}
	s.now.Store(&state{allowed: &bart.Table[listed]{}, acting: &bart.Table[listed]{}})
	return s
}

// Client is who asks: an address and what else is known. An invalid address and empty texts are left out.
type Client struct {
	Addr                     netip.Addr
	Account, Session, Device string
}

// Decision is what is to be done with a request, and by which verdict. The zero Decision lets it pass.
type Decision struct {
	Action  string // "", Allow, Challenge, Throttle or Refuse
	Verdict *Verdict
}

// Passes reports whether nothing stands in the way.
func (d Decision) Passes() bool { return strength(d.Action) == 0 }

// Check decides on a client now. First come refusals that name an account, a session or a device: nothing overrules
// them. Then an allowance on the address, which answers verdicts on addresses alone; an allowance on an identity answers
// challenges and throttles of that identity. Of the rest the strongest counts. At most 250 ns and no allocation with a
// million verdicts (design: audit, "The firewall").
func (s *Set) Check(c Client, now time.Time) Decision {
	st := s.now.Load()
	if c.Addr.IsValid() {
		c.Addr = plain(c.Addr)
	}
	var best *rule
	for _, identity := range [...]who{{KindAccount, c.Account}, {KindSession, c.Session}, {KindDevice, c.Device}} {
		strongest := c.strongest(st.identities.get(identity), now)
		if strongest != nil && strongest.Action == Refuse {
			return decided(strongest)
		}
		best = stronger(best, strongest)
	}
	if !c.Addr.IsValid() {
		return decided(best)
	}
	if allowance := covering(st.allowed, c.Addr, now, nil); allowance != nil {
		if best == nil {
			return decided(allowance)
		}
		return decided(best)
	}
	return decided(covering(st.acting, c.Addr, now, best))
}

func decided(r *rule) Decision {
	if r == nil {
		return Decision{}
	}
	return Decision{Action: r.Action, Verdict: r.Verdict}
}

func stronger(a, b *rule) *rule {
	if a == nil || b != nil && strength(b.Action) > strength(a.Action) {
		return b
	}
	return a
}

// strongest is what counts of the verdicts on one identity: a refusal, else an allowance, else the strongest.
func (c *Client) strongest(list []*rule, now time.Time) *rule {
	var allowance, best *rule
	for _, r := range list {
		switch {
		case !r.Until.After(now), !c.is(r):
		case r.Action == Allow:
			allowance = r
		case strength(r.Action) > 0:
			best = stronger(best, r)
		}
	}
	if allowance != nil && (best == nil || best.Action != Refuse) {
		return allowance
	}
	return best
}

// is reports whether the client is the verdict's other subject as well.
func (c *Client) is(r *rule) bool {
	if r.prefix.IsValid() && !(c.Addr.IsValid() && r.prefix.Contains(c.Addr)) {
		return false
	}
	switch r.also.kind {
	case KindAccount:
		return c.Account == r.also.value
	case KindSession:
		return c.Session == r.also.value
	case KindDevice:
		return c.Device == r.also.value
	}
	return true
}

// covering returns the strongest verdict in force on the prefixes that cover addr, if it is stronger than so far; of an
// allowance the first.
func covering(table *bart.Table[listed], addr netip.Addr, now time.Time, soFar *rule) *rule {
	at, ok := table.Lookup(addr)
	for ok {
		for _, r := range at.list {
			if !r.Until.After(now) {
				continue
			}
			if r.Action == Allow {
				return r
			}
			soFar = stronger(soFar, r)
		}
		if at.bits == 0 {
			break
		}
		at, ok = table.LookupPrefix(netip.PrefixFrom(addr, at.bits-1).Masked())
	}
	return soFar
}

// Replace takes the verdicts over in the place of all others, whole and at once for readers. The error names those
// that can't be understood; all others count in spite of it.
func (s *Set) Replace(all []Verdict) error { return s.apply(true, all, nil) }

// Apply takes changes over, whole and at once for readers. A verdict whose id is known replaces that one. The error is
// Replace's.
func (s *Set) Apply(changed []Verdict, removed []string) error {
	return s.apply(false, changed, removed)
}

func (s *Set) apply(fresh bool, changed []Verdict, removed []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	edit := s.edit(fresh, len(changed))
	for _, id := range removed {
		edit.remove(id)
	}
	var wrong []error
	for i := range changed {
		if err := edit.add(changed[i]); err != nil && len(wrong) < 10 {
			wrong = append(wrong, err)
		}
	}
	s.now.Store(edit.done())
	return errors.Join(wrong...)
}

// Sweep forgets what ended before now and returns how much that was. Check doesn't need it; memory does.
func (s *Set) Sweep(now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ended []string
	for id, r := range s.byID {
		if !r.Until.After(now) {
			ended = append(ended, id)
		}
	}
	if len(ended) == 0 {
		return 0
	}
	edit := s.edit(false, len(ended))
	for _, id := range ended {
		edit.remove(id)
	}
	s.now.Store(edit.done())
	return len(ended)
}

// Snapshot is every verdict held, also those that ended and weren't swept yet, in the order of their ids.
func (s *Set) Snapshot() []Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Verdict, 0, len(s.byID))
	for _, r := range s.byID {
		all = append(all, *r.Verdict)
	}
	slices.SortFunc(all, func(a, b Verdict) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// Len is the number of verdicts held.
func (s *Set) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byID)
}
