package firewall_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/shared/fault"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// FR A21, NC A12: a refusal that would lock out those who could lift it asks for force.
func TestLockout(t *testing.T) {
	for name, c := range map[string]struct {
		kind, subject, action string
		joined                []verdicts.Subject
		force                 bool
		says                  string // "" for no error
	}{
		"loopback":              {kind: "ip", subject: "127.0.0.1", says: "machine's own"},
		"all of loopback":       {kind: "prefix", subject: "127.0.0.0/8", says: "machine's own"},
		"IPv6 loopback":         {kind: "ip", subject: "::1", says: "machine's own"},
		"mapped loopback":       {kind: "ip", subject: "::ffff:127.0.0.1", says: "machine's own"},
		"a proxy":               {kind: "ip", subject: "10.1.2.3", says: "proxy 10.1.2.0/24"},
		"around a proxy":        {kind: "prefix", subject: "10.0.0.0/8", says: "proxy 10.1.2.0/24"},
		"one's own":             {kind: "ip", subject: "198.51.100.9", says: "your own address, 198.51.100.9"},
		"around oneself":        {kind: "prefix", subject: "198.51.100.0/24", says: "your own address"},
		"somebody else":         {kind: "ip", subject: "203.0.113.9"},
		"beside oneself":        {kind: "ip", subject: "198.51.100.10"},
		"an account":            {kind: "account", subject: id.New("acc")},
		"loopback, challenged":  {kind: "ip", subject: "127.0.0.1", action: "challenge", says: "machine's own"},
		"an account there":      {kind: "ip", subject: "127.0.0.1", joined: []verdicts.Subject{{Kind: "account", Value: id.New("acc")}}},
		"loopback, allowed":     {kind: "ip", subject: "127.0.0.1", action: "allow"},
		"loopback, with force":  {kind: "ip", subject: "127.0.0.1", force: true},
		"one's own, with force": {kind: "prefix", subject: "198.51.100.0/24", force: true},
	} {
		t.Run(name, func(t *testing.T) {
			f, _, _ := open(t)
			f.Protect([]netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")})
			action := c.action
			if action == "" {
				action = "refuse"
			}
			_, err := f.Add(t.Context(), firewall.Order{Subjects: append(c.joined, verdicts.Subject{Kind: c.kind, Value: c.subject}), Action: action, Reason: "x", TTL: time.Minute, Force: c.force}, record.Origin{Address: "198.51.100.9"})
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var refused *fault.Error
			if !errors.Is(err, firewall.ErrVerdictInvalid) || !errors.As(err, &refused) || len(refused.Fields) != 1 || refused.Fields[0].Pointer != "/force" || !strings.Contains(refused.Fields[0].Detail, c.says) {
				t.Errorf("got %v", err)
			}
			if page, err := f.List(t.Context(), "", 10); err != nil || len(page.Verdicts) != 0 {
				t.Errorf("what was refused is in force: %v, %v", page, err)
			}
		})
	}
}
