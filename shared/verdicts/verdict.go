package verdicts

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// What a verdict is about.
const (
	KindIP      = "ip"
	KindPrefix  = "prefix"
	KindAccount = "account"
	KindSession = "session"
	KindDevice  = "device"
)

// What a verdict does, from the weakest to the strongest beside Allow. An action that isn't one of these does nothing here.
const (
	Allow     = "allow"
	Challenge = "challenge" // a human pass is asked for
	Throttle  = "throttle"  // slowed down
	Refuse    = "refuse"
)

// MaxSubjects is how many may be joined in a verdict.
const MaxSubjects = 2

// Subject is whom a verdict is about: an address, a prefix, or an id; a device is a hex hash.
type Subject struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// String is "kind value".
func (s Subject) String() string { return s.Kind + " " + s.Value }

// Verdict is one decision, in force until Until.
type Verdict struct {
	ID string `json:"id"`
	// Subjects are one, or two of different kinds that are joined: then both must be there.
	Subjects []Subject `json:"subjects"`
	Action   string    `json:"action"`
	Level    int       `json:"level"`                 // how often it was made longer
	Decision string    `json:"decision_id,omitempty"` // the event that brought it about, for rules
	Reason   string    `json:"reason"`
	Source   string    `json:"source"` // "operator", or the id of the rule
	// CreatedAt and Until are UTC; Until is exclusive.
	CreatedAt time.Time `json:"created_at"`
	Until     time.Time `json:"until"`
}

// Names reports whether the verdict is about a subject of that kind.
func (v *Verdict) Names(kind string) bool {
	for _, s := range v.Subjects {
		if s.Kind == kind {
			return true
		}
	}
	return false
}

// Page is a part of what a fetch brings: of everything there is, or of what changed since the cursor that was asked for.
type Page struct {
	// Cursor asks for what comes after this page.
	Cursor string
	// Snapshot: this is the first page of everything; forget what you had when the last one is here.
	Snapshot bool
	// More: there is another page now.
	More     bool
	Verdicts []Verdict
	Removed  []string // ids; some may be unknown
}

// who is a subject that isn't an address, as the maps know it.
type who struct{ kind, value string }

var (
	errKind    = errors.New("unknown kind")
	errSubject = errors.New("a subject is missing, or they can't be joined")
)

// rule is a verdict as it is looked up: by a prefix, or by an identity, and the other subject as a condition.
type rule struct {
	*Verdict
	by     who          // zero for a verdict on addresses alone
	prefix netip.Prefix // the address that it names, if any
	also   who          // the second identity, if any
}

// compile says where a verdict belongs.
func compile(v *Verdict) (rule, error) {
	r := rule{Verdict: v}
	if len(v.Subjects) == 0 || len(v.Subjects) > MaxSubjects {
		return r, fmt.Errorf("verdict %s: %w", v.ID, errSubject)
	}
	for _, s := range v.Subjects {
		if err := r.take(s); err != nil {
			return r, fmt.Errorf("verdict %s: %w", v.ID, err)
		}
	}
	return r, nil
}

func (r *rule) take(s Subject) error {
	switch s.Kind {
	case KindIP, KindPrefix:
		prefix, err := prefixOf(s)
		if err != nil || r.prefix.IsValid() {
			return errors.Join(errSubject, err)
		}
		r.prefix = prefix
	case KindAccount, KindSession, KindDevice:
		identity := who{s.Kind, s.Value}
		switch {
		case s.Value == "", r.by.kind == s.Kind:
			return errSubject
		case r.by == who{}:
			r.by = identity
		default:
			r.also = identity
		}
	default:
		return errKind
	}
	return nil
}

func prefixOf(s Subject) (netip.Prefix, error) {
	if s.Kind == KindIP {
		addr, err := netip.ParseAddr(s.Value)
		if err != nil {
			return netip.Prefix{}, errors.New("the subject is no address")
		}
		addr = plain(addr)
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(s.Value)
	if err != nil {
		return netip.Prefix{}, errors.New("the subject is no prefix")
	}
	return unmapped(prefix), nil
}

// plain is the address as the table knows it: IPv4 is never written as IPv6, and a zone (fe80::1%eth0) can't be used
// to look like somebody else.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// unmapped turns a prefix of IPv4-mapped addresses into the IPv4 prefix that it means.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// strength orders what is done to a request; 0 for what does nothing.
func strength(action string) int {
	switch action {
	case Challenge:
		return 1
	case Throttle:
		return 2
	case Refuse:
		return 3
	}
	return 0
}
