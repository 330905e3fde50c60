package engine

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

var now = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

func shipped(t testing.TB) Policy {
	t.Helper()
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// aged is a trusted number with a year of custody that was last proved that long ago.
func aged(id string, custody, lastProof time.Duration) Number {
	last := now.Add(-lastProof)
	return Number{ID: id, AddedAt: last.Add(-custody), Proofs: []time.Time{last.Add(-custody), last}}
}

func sms(id string) Evidence { return Evidence{Method: SMS, Number: id, At: now} }

var saved = Evidence{Method: SavedCode, At: now}

// TestWaitTable is every row of the wait table (R6.1: the oldest number is asked
// first; the design's table, one case a row).
func TestWaitTable(t *testing.T) {
	live, dormant, stale := 10*day, 200*day, 500*day
	oldest := func(last time.Duration) []Number {
		return []Number{aged("o", 390*day, last), aged("y", 100*day, 10*day)}
	}
	calm := Change{Known: true, At: now.Add(-31 * day)}
	cited := map[string]bool{}
	defer func() {
		for _, row := range Rows() {
			if !cited[string(row)] {
				t.Errorf("no case for %s", row)
			}
		}
	}()
	for _, c := range []struct {
		name     string
		facts    Facts
		verdict  Verdict
		wait     time.Duration
		rule     string
		opens    string
		distance time.Duration
	}{
		{"R6.1 oldest live, second, known device, calm", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, Allow, 0, "W-oldest-live-second-calm", "", 0},
		{"R6.1 the same from a new device", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("o"), saved}, DeviceKnown: No, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, day, "W-oldest-live-second-unfamiliar", "", 0},
		{"R6.1 the same from an unfamiliar place", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: No, SecurityChange: calm}, Wait, day, "W-oldest-live-second-unfamiliar", "", 0},
		{"R6.1 the same after a change", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("o"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: Change{Known: true, At: now.Add(-29 * day)}}, Wait, day, "W-oldest-live-second-change", "", 0},
		{"R6.1 oldest live alone", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("o")}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, 3 * day, "W-oldest-live-alone", WithSavedCode, 3 * day},
		{"R6.1 oldest dormant, second", Facts{Numbers: oldest(dormant), Evidence: []Evidence{sms("o"), saved}}, Wait, day, "W-oldest-dormant-second", "", 0},
		{"R6.1 oldest dormant alone", Facts{Numbers: oldest(dormant), Evidence: []Evidence{sms("o")}}, Wait, 7 * day, "W-oldest-dormant-alone", WithSavedCode, 6 * day},
		{"R6.1 oldest stale, second", Facts{Numbers: oldest(stale), Evidence: []Evidence{sms("o"), saved}}, Wait, 3 * day, "W-oldest-stale-second", "", 0},
		{"R6.1 oldest stale alone", Facts{Numbers: oldest(stale), Evidence: []Evidence{sms("o")}}, Refuse, 0, "W-oldest-stale-alone", WithSavedCode, 0},
		{"R6.1 younger, second, older stale", Facts{Numbers: oldest(stale), Evidence: []Evidence{sms("y"), saved}}, Wait, day, "W-younger-second-older-stale", "", 0},
		{"R6.1 younger, second, older dormant", Facts{Numbers: oldest(dormant), Evidence: []Evidence{sms("y"), saved}}, Wait, 3 * day, "W-younger-second-older-dormant", WithOldest, 2 * day},
		{"R6.1 younger, second, older live", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("y"), saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, 7 * day, "W-younger-second-older-live", WithOldest, 7 * day},
		{"R6.1 younger alone, older stale", Facts{Numbers: oldest(stale), Evidence: []Evidence{sms("y")}}, Wait, 7 * day, "W-younger-alone-older-stale", WithSavedCode, 6 * day},
		{"R6.1 younger alone, older dormant", Facts{Numbers: oldest(dormant), Evidence: []Evidence{sms("y")}}, Refuse, 0, "W-younger-alone-older-dormant", WithSavedCode, 0},
		{"R6.1 younger alone, older live", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("y")}}, Refuse, 0, "W-younger-alone-older-live", WithSavedCode, 0},
		{"V2 a saved code without a number", Facts{Numbers: oldest(live), Evidence: []Evidence{saved}}, NeedEvidence, 0, string(V2), WithOldest, 0},
		{"V9 a stale younger number, second", Facts{Numbers: []Number{aged("o", 390*day, stale), aged("y", 100*day, stale)}, Evidence: []Evidence{sms("y"), saved}}, Wait, 3 * day, string(V9), "", 0},
		{"no evidence", Facts{Numbers: oldest(live)}, NeedEvidence, 0, string(V2), WithOldest, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Decide(shipped(t), c.facts, now)
			cited[c.rule] = true
			if d.Verdict != c.verdict || !slices.Contains(d.Reasons(), c.rule) || d.PolicyHash == "" {
				t.Fatalf("got %+v, want %s by %s", d, c.verdict, c.rule)
			}
			if c.verdict == Wait && d.EarliestAt != now.Add(c.wait) {
				t.Errorf("earliest %s, want %s", d.EarliestAt, now.Add(c.wait))
			}
			if c.opens == "" {
				return
			}
			i := slices.IndexFunc(d.Counterfactuals, func(f Counterfactual) bool { return f.Evidence == c.opens })
			if i < 0 || (c.distance > 0 && d.Verdict == Wait && c.opens == WithOldest && d.Counterfactuals[i].Saves != c.distance) {
				t.Errorf("V19: counterfactuals %+v, want %s saving %s", d.Counterfactuals, c.opens, c.distance)
			}
		})
	}
}

// TestTimePasses: the wait runs from the announcement, and is over at its end.
func TestTimePasses(t *testing.T) {
	f := Facts{Numbers: []Number{aged("o", 390*day, day)}, Evidence: []Evidence{sms("o")}, AnnouncedAt: now}
	for after, want := range map[time.Duration]Verdict{0: Wait, 3*day - time.Millisecond: Wait, 3 * day: Allow} {
		if d := Decide(shipped(t), f, now.Add(after)); d.Verdict != want {
			t.Errorf("after %s: %s, want %s", after, d.Verdict, want)
		}
	}
}

// TestStates are the states of a number as a function of time (V4, V5).
func TestStates(t *testing.T) {
	p := shipped(t)
	proved := Number{ID: "n", AddedAt: now, Proofs: []time.Time{now}}
	with := func(change func(*Number)) Number { n := proved; change(&n); return n }
	for _, c := range []struct {
		name  string
		n     Number
		after time.Duration
		want  State
	}{
		{"pending", Number{AddedAt: now}, 15*time.Minute - 1, Pending},
		{"pending dies after 15 min", Number{AddedAt: now}, 15 * time.Minute, Removed},
		{"V4 quarantined for 7 days", proved, 7*day - 1, Quarantined},
		{"trusted after", proved, 7 * day, Trusted},
		{"V4 quarantined for 30 days when cautious", with(func(n *Number) { n.Cautious = true }), 30*day - 1, Quarantined},
		{"cautious, trusted after", with(func(n *Number) { n.Cautious = true }), 30 * day, Trusted},
		{"the first is trusted at once", with(func(n *Number) { n.First = true; n.Cautious = true }), 0, Trusted},
		{"V5 retiring keeps its powers", with(func(n *Number) { n.RetiringUntil = now.Add(20 * day) }), 20*day - 1, Retiring},
		{"V5 and is removed at the end", with(func(n *Number) { n.RetiringUntil = now.Add(20 * day) }), 20 * day, Removed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := p.StateOf(c.n, now.Add(c.after)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestR61Seniority: gaps count up to 400 days, the one that runs too; ties go to the first proof (R6.1).
func TestR61Seniority(t *testing.T) {
	p := shipped(t)
	n := Number{Proofs: []time.Time{now, now.Add(-1000 * day), now.Add(-900 * day)}}
	for after, want := range map[time.Duration]time.Duration{0: 500 * day, 30 * day: 530 * day, 400 * day: 900 * day, 2000 * day: 900 * day} {
		if got := p.Seniority(n, now.Add(after)); got != want {
			t.Errorf("seniority after %s is %s, want %s", after, got, want)
		}
	}
	a := Number{ID: "b", First: true, Proofs: []time.Time{now.Add(-500 * day)}}
	b := Number{ID: "a", First: true, Proofs: []time.Time{now.Add(-450 * day)}}
	if r := p.Ranked([]Number{b, a}, now); p.Seniority(a, now) != p.Seniority(b, now) || r[0].ID != "b" {
		t.Error("a tie must go to the first proof")
	}
}

// TestParse: strict keys, all errors at once, the hash is of the meaning.
func TestParse(t *testing.T) {
	text := string(defaultYAML)
	p := shipped(t)
	same, err := Parse([]byte(strings.Replace(text, "72h", "4320m", 1) + "\n# a comment\n"))
	if err != nil || same.Hash() != p.Hash() {
		t.Errorf("the same policy in other words: %v, hash equal %v", err, same.Hash() == p.Hash())
	}
	other, err := Parse([]byte(strings.Replace(text, "W-oldest-live-alone: 72h", "W-oldest-live-alone: 96h", 1)))
	if err != nil || other.Hash() == p.Hash() {
		t.Errorf("another policy: %v, hash equal %v", err, other.Hash() == p.Hash())
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown key", "max_active", "max_actives", "max_actives"},
		{"row missing", "  W-oldest-stale-alone: refuse\n", "", "W-oldest-stale-alone: is missing"},
		{"row without a value", "W-oldest-live-second-change: 24h", "W-oldest-live-second-change:", "W-oldest-live-second-change: is missing"},
		{"row of null", "W-younger-second-older-live: 168h", "W-younger-second-older-live: null", "W-younger-second-older-live: is missing"},
		{"unknown row", "W-oldest-stale-alone: refuse", "W-oldest-stale-alone: refuse\n  W-x: 1h", "W-x: no such row"},
		{"bad duration", "W-oldest-live-alone: 72h", "W-oldest-live-alone: soon", "neither a duration"},
		{"V6 turned round", "W-younger-second-older-live: 168h", "W-younger-second-older-live: 1h", "must not be longer than W-younger-second-older-live"},
		{"second worse than alone", "W-oldest-live-second-change: 24h", "W-oldest-live-second-change: 100h", "must not be longer than W-oldest-live-alone"},
		{"V2 alone at once", "W-oldest-live-alone: 72h", "W-oldest-live-alone: 0s", "W-oldest-live-alone: must be > 0 or refuse"},
		{"R6.1 younger better than oldest", "W-younger-alone-older-stale: 168h", "W-younger-alone-older-stale: 48h", "must not be longer than W-younger-alone-older-stale"},
		{"zero window", "live: 2160h ", "live: 0s ", "numbers.live: must be > 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(text, c.old, c.new, 1)
			if changed == text {
				t.Fatal("the case changes nothing")
			}
			if _, err := Parse([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Parse([]byte(strings.NewReplacer("version: 1", "version: 2", "per_number: 2 ", "per_number: 0 ").Replace(text))); err == nil || strings.Count(err.Error(), "policy.") != 2 {
		t.Errorf("all errors at once: %v", err)
	}
}
