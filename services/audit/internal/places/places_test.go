package places_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/audit/internal/places"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const day = 24 * time.Hour

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type visit struct {
	account, address string
	ago              time.Duration
	action, service  string
	outcome          string
}

func signIn(account, address string, ago time.Duration) visit {
	return visit{account, address, ago, record.SessionCreated, "auth", record.Success}
}

// Recovery believes a place only where the owner was before (design: recovery).
func TestFamiliarity(t *testing.T) {
	for name, test := range map[string]struct {
		visits  []visit
		address string
		want    places.Familiarity
	}{
		"nothing known":              {nil, "203.0.113.9", places.Unknown},
		"others' visits":             {[]visit{signIn("b", "203.0.113.9", 2*day)}, "203.0.113.9", places.Unknown},
		"two days ago":               {[]visit{signIn("a", "203.0.113.9", 2*day)}, "203.0.113.9", places.Familiar},
		"same /24":                   {[]visit{signIn("a", "203.0.113.200", 2*day)}, "203.0.113.9", places.Familiar},
		"IPv4 in IPv6":               {[]visit{signIn("a", "203.0.113.200", 2*day)}, "::ffff:203.0.113.9", places.Familiar},
		"next /24":                   {[]visit{signIn("a", "203.0.114.9", 2*day)}, "203.0.113.9", places.Unfamiliar},
		"same /48":                   {[]visit{signIn("a", "2001:db8:1:2::1", 2*day)}, "2001:db8:1:ffff::2", places.Familiar},
		"next /48":                   {[]visit{signIn("a", "2001:db8:1:2::1", 2*day)}, "2001:db8:2::1", places.Unfamiliar},
		"just now":                   {[]visit{signIn("a", "203.0.113.9", time.Minute)}, "203.0.113.9", places.Unfamiliar},
		"a ms too young":             {[]visit{signIn("a", "203.0.113.9", day-time.Millisecond)}, "203.0.113.9", places.Unfamiliar},
		"a day ago":                  {[]visit{signIn("a", "203.0.113.9", day)}, "203.0.113.9", places.Familiar},
		"400 days ago":               {[]visit{signIn("a", "203.0.113.9", 400*day)}, "203.0.113.9", places.Familiar},
		"a ms longer ago":            {[]visit{signIn("a", "203.0.113.9", 400*day+time.Millisecond)}, "203.0.113.9", places.Unfamiliar},
		"forgotten, then the thief":  {[]visit{signIn("a", "203.0.113.9", 500*day), signIn("a", "203.0.113.9", time.Minute)}, "203.0.113.9", places.Unfamiliar},
		"often":                      {[]visit{signIn("a", "203.0.113.9", 500*day), signIn("a", "203.0.113.9", 200*day), signIn("a", "203.0.113.9", 0)}, "203.0.113.9", places.Familiar},
		"a failed sign-in":           {[]visit{{"a", "203.0.113.9", 2 * day, record.SessionRefused, "auth", record.Failure}}, "203.0.113.9", places.Unknown},
		"a refused one":              {[]visit{{"a", "203.0.113.9", 2 * day, record.SessionCreated, "auth", record.Refused}}, "203.0.113.9", places.Unknown},
		"a phone that was proved":    {[]visit{{"a", "203.0.113.9", 2 * day, record.PhoneVerified, "recovery", record.Success}}, "203.0.113.9", places.Familiar},
		"another service's word":     {[]visit{{"a", "203.0.113.9", 2 * day, record.SessionCreated, "gateway", record.Success}}, "203.0.113.9", places.Unknown},
		"an event without address":   {[]visit{signIn("a", "", 2*day)}, "203.0.113.9", places.Unknown},
		"a stranger's recovery here": {[]visit{signIn("a", "198.51.100.1", 2*day), {"a", "203.0.113.9", 2 * day, record.RecoveryStarted, "recovery", record.Success}}, "203.0.113.9", places.Unfamiliar},
	} {
		t.Run(name, func(t *testing.T) {
			store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "audit.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer store.DB.Close() //nolint:errcheck // a test's store
			p := places.New(store, secret.RandomKey(), clock.NewManual(noon))
			var seen []places.Seen
			for i, v := range test.visits {
				e := record.New(noon.Add(-v.ago), v.service, v.action, v.outcome, record.Origin{Address: v.address})
				e.Account = v.account
				seen = append(seen, places.Seen{Seq: int64(i) + 1, Event: e})
			}
			for range 2 { // entries may be handed over again
				if err := p.Take(t.Context(), seen); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := p.Familiarity(t.Context(), "a", test.address); err != nil || got != test.want {
				t.Errorf("%s, %v; want %s", got, err, test.want)
			}
			if _, err := p.Familiarity(t.Context(), "a", "not an address"); !errors.Is(err, places.ErrAddress) {
				t.Errorf("a bad address: %v", err)
			}
		})
	}
}
