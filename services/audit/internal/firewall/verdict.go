package firewall

import (
	"net/netip"
	"regexp"
	"time"
	"unicode/utf8"

	"centinela/shared/fault"
	"centinela/shared/id"
)

// The kinds of subject.
const (
	IP      = "ip"
	Prefix  = "prefix"
	Account = "account"
	Session = "session"
	Device  = "device"
)

// The actions. An allow verdict wins over any refusal.
const (
	Allow  = "allow"
	Refuse = "refuse"
)

// Operator is the source of a verdict that a person set.
const Operator = "operator"

const (
	verdictPrefix = "vrd"
	maxTTL        = 365 * 24 * time.Hour
	maxReason     = 200 // characters
	// A shorter prefix is a mistake: it would refuse a good part of the Internet.
	minBits4, minBits6 = 8, 32
)

// Verdict is one decision about one subject.
type Verdict struct {
	ID        string // vrd_…
	Version   int64  // of its last change
	Kind      string
	Subject   string // canonical: an address or masked prefix as netip prints it, or an id
	Action    string
	Reason    string
	Source    string // Operator or the id of a rule
	CreatedAt time.Time
	Until     time.Time
	Removed   bool      // a tombstone, kept for the feed
	RemovedAt time.Time // zero unless Removed
}

// device hashes are hex.
var deviceForm = regexp.MustCompile(`^[0-9a-f]{16,64}$`)

// canonicalSubject is the one spelling of a subject. Errors: ErrVerdictInvalid
// with the pointer.
func canonicalSubject(kind, subject string) (string, error) {
	switch kind {
	case IP:
		addr, err := netip.ParseAddr(subject)
		if err != nil || addr.Zone() != "" {
			return "", invalid("/subject", "must be an IP address")
		}
		return addr.Unmap().String(), nil
	case Prefix:
		return canonicalPrefix(subject)
	case Account:
		return subject, unless(id.Valid("acc", subject), "must be an account id")
	case Session:
		return subject, unless(id.Valid("ses", subject), "must be a session id")
	case Device:
		return subject, unless(deviceForm.MatchString(subject), "must be a device hash in hex")
	}
	return "", invalid("/kind", "must be ip, prefix, account, session or device")
}

func canonicalPrefix(subject string) (string, error) {
	p, err := netip.ParsePrefix(subject)
	if err != nil {
		return "", invalid("/subject", "must be an address prefix such as 203.0.113.0/24")
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	least := minBits4
	if p.Addr().Is6() {
		least = minBits6
	}
	if p.Bits() < least {
		return "", invalid("/subject", "is too wide: at least /8, IPv6 /32")
	}
	return p.Masked().String(), nil
}

func unless(ok bool, detail string) error {
	if ok {
		return nil
	}
	return invalid("/subject", detail)
}

func checkTerms(action, reason string, ttl time.Duration) error {
	switch {
	case action != Allow && action != Refuse:
		return invalid("/action", "must be allow or refuse")
	case reason == "" || utf8.RuneCountInString(reason) > maxReason || !utf8.ValidString(reason):
		return invalid("/reason", "must be 1 to 200 characters")
	case ttl < time.Second || ttl > maxTTL:
		return invalid("/ttl_seconds", "must be from 1 second to 365 days")
	}
	return nil
}

func invalid(pointer, detail string) error {
	return ErrVerdictInvalid.WithFields(fault.Field{Pointer: pointer, Code: string(fault.CodeVerdictInvalid), Detail: detail})
}
