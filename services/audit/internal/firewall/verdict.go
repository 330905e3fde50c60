package firewall

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"centinela/shared/fault"
	"centinela/shared/id"
	"centinela/shared/verdicts"
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

// Verdict is one decision, with its place in the feed. Its subjects are canonical:
// an address or masked prefix as netip prints it, or an id.
type Verdict struct {
	verdicts.Verdict
	Version   int64 // of its last change
	Removed   bool  // a tombstone, kept for the feed
	RemovedAt time.Time
}

// About names what there is one verdict in force of, for a rule: itself, whom it
// is about, and what it does.
func (v *Verdict) About() string {
	parts := []string{v.Source, v.Action}
	for _, s := range v.Subjects {
		parts = append(parts, s.String())
	}
	return strings.Join(parts, "\n")
}

// device hashes are hex.
var deviceForm = regexp.MustCompile(`^[0-9a-f]{16,64}$`)

// canonicalSubjects gives one or two subjects their one spelling and order.
// Errors: ErrVerdictInvalid with the pointer.
func canonicalSubjects(subjects []verdicts.Subject) ([]verdicts.Subject, error) {
	if len(subjects) == 0 || len(subjects) > verdicts.MaxSubjects {
		return nil, invalid("/subjects", "must be one, or two that are joined")
	}
	canonical := make([]verdicts.Subject, len(subjects))
	for i, s := range subjects {
		value, problem := canonicalValue(s)
		if problem != "" {
			return nil, invalid(fmt.Sprintf("/subjects/%d/value", i), problem)
		}
		canonical[i] = verdicts.Subject{Kind: s.Kind, Value: value}
	}
	if len(canonical) > 1 && place(canonical[0].Kind) == place(canonical[1].Kind) {
		return nil, invalid("/subjects", "two that are joined must be of different kinds, and one address at most")
	}
	slices.SortFunc(canonical, func(a, b verdicts.Subject) int { return place(a.Kind) - place(b.Kind) })
	return canonical, nil
}

// place orders the kinds; an address and a prefix have the same.
func place(kind string) int {
	return slices.Index([]string{verdicts.KindAccount, verdicts.KindSession, verdicts.KindDevice}, kind)
}

func canonicalValue(s verdicts.Subject) (value, problem string) {
	switch s.Kind {
	case verdicts.KindIP:
		addr, err := netip.ParseAddr(s.Value)
		if err != nil || addr.Zone() != "" {
			return "", "must be an IP address"
		}
		return addr.Unmap().String(), ""
	case verdicts.KindPrefix:
		return canonicalPrefix(s.Value)
	case verdicts.KindAccount:
		return s.Value, unless(id.Valid("acc", s.Value), "must be an account id")
	case verdicts.KindSession:
		return s.Value, unless(id.Valid("ses", s.Value), "must be a session id")
	case verdicts.KindDevice:
		return s.Value, unless(deviceForm.MatchString(s.Value), "must be a device hash in hex")
	}
	return "", "must be of kind ip, prefix, account, session or device"
}

// mapped is IPv4 in IPv6's form (RFC 4291 §2.5.5.2).
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

func canonicalPrefix(subject string) (value, problem string) {
	p, err := netip.ParsePrefix(subject)
	if err != nil {
		return "", "must be an address prefix such as 203.0.113.0/24"
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	least := minBits4
	if p.Addr().Is6() {
		least = minBits6
	}
	if p.Bits() < least {
		return "", "is too wide: at least /8, IPv6 /32"
	}
	if p.Overlaps(mapped) {
		return "", "holds IPv4 in IPv6's form, which no client's address has: give the IPv4 prefix"
	}
	return p.Masked().String(), ""
}

func unless(ok bool, problem string) string {
	if ok {
		return ""
	}
	return problem
}

func checkTerms(action, reason string, ttl time.Duration) error {
	switch {
	case !slices.Contains([]string{verdicts.Allow, verdicts.Challenge, verdicts.Throttle, verdicts.Refuse}, action):
		return invalid("/action", "must be allow, challenge, throttle or refuse")
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
