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

// What a verdict does. An action that isn't one of these does nothing here.
const (
	Allow  = "allow"
	Refuse = "refuse"
)

// Verdict is one decision about one subject, in force until Until.
type Verdict struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Subject   string    `json:"subject"` // an address, a prefix, or an id; a device is a hex hash
	Action    string    `json:"action"`
	Reason    string    `json:"reason"`
	Source    string    `json:"source"` // "operator", or the id of the rule
	CreatedAt time.Time `json:"created_at"`
	Until     time.Time `json:"until"` // UTC, exclusive
}

// Delta is what one fetch brings: everything (Snapshot), or what changed since the version that was asked for.
type Delta struct {
	Version  int64     `json:"version"`
	Snapshot bool      `json:"snapshot"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Removed  []string  `json:"removed,omitempty"` // ids
}

// key is a subject that isn't an address.
type key struct{ kind, subject string }

var errKind = errors.New("unknown kind")

// place says where a verdict belongs: a prefix of the table, or a key of the maps.
func (v *Verdict) place() (netip.Prefix, key, error) {
	switch v.Kind {
	case KindIP:
		addr, err := netip.ParseAddr(v.Subject)
		if err != nil {
			return netip.Prefix{}, key{}, fmt.Errorf("verdict %s: the subject is no address", v.ID)
		}
		addr = plain(addr)
		return netip.PrefixFrom(addr, addr.BitLen()), key{}, nil
	case KindPrefix:
		prefix, err := netip.ParsePrefix(v.Subject)
		if err != nil {
			return netip.Prefix{}, key{}, fmt.Errorf("verdict %s: the subject is no prefix", v.ID)
		}
		return unmapped(prefix), key{}, nil
	case KindAccount, KindSession, KindDevice:
		if v.Subject == "" {
			return netip.Prefix{}, key{}, fmt.Errorf("verdict %s: the subject is empty", v.ID)
		}
		return netip.Prefix{}, key{v.Kind, v.Subject}, nil
	default:
		return netip.Prefix{}, key{}, fmt.Errorf("verdict %s: %w", v.ID, errKind)
	}
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
