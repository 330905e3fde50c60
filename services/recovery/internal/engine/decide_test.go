package engine

import (
	"regexp"
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
		for _, row := range shipped(t).Rows {
			if !cited[string(row.Name)] {
				t.Errorf("no case for %s", row.Name)
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
		{"R6.1 younger, second, older live", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("y"), saved}, DeviceKnown: No, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, 7 * day, "W-younger-second-older-live", WithOldest, 6 * day},
		{"R6.1 younger alone, older stale", Facts{Numbers: oldest(stale), Evidence: []Evidence{sms("y")}}, Wait, 7 * day, "W-younger-alone-older-stale", WithSavedCode, 6 * day},
		{"R6.1 younger alone, older dormant", Facts{Numbers: oldest(dormant), Evidence: []Evidence{sms("y")}}, Refuse, 0, "W-younger-alone-older-dormant", WithSavedCode, 0},
		{"R6.1 younger alone, older live", Facts{Numbers: oldest(live), Evidence: []Evidence{sms("y")}}, Refuse, 0, "W-younger-alone-older-live", WithSavedCode, 0},
		{"V2 a saved code without a number", Facts{Numbers: oldest(live), Evidence: []Evidence{saved}}, NeedEvidence, 0, string(V2), WithOldest, 0},
		{"V9 a stale younger number, second", Facts{Numbers: []Number{aged("o", 390*day, stale), aged("y", 100*day, stale)}, Evidence: []Evidence{sms("y"), saved}}, Wait, 3 * day, "W-younger-stale-second", "", 0},
		{"V9 a stale younger number alone", Facts{Numbers: []Number{aged("o", 390*day, stale), aged("y", 100*day, stale)}, Evidence: []Evidence{sms("y")}}, Refuse, 0, "W-younger-stale-alone", WithSavedCode, 0},
		{"G3 the only number, alone", Facts{Numbers: oldest(live)[:1], Evidence: []Evidence{sms("o")}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, 14 * day, "W-only-alone", WithSavedCode, 0},
		{"G2 the only number, stale, alone", Facts{Numbers: oldest(stale)[:1], Evidence: []Evidence{sms("o")}}, Wait, 14 * day, "W-only-alone", WithSavedCode, 0},
		{"G3 who is on trial is nobody to tell", Facts{Numbers: append(oldest(live)[:1:1], Number{ID: "t", AddedAt: now, Proofs: []time.Time{now}}), Evidence: []Evidence{sms("o")}}, Wait, 14 * day, "W-only-alone", "", 0},
		{"G1 a code, a known device and the usual place", Facts{Numbers: oldest(live), Evidence: []Evidence{saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, 3 * day, "W-code-device-and-place", WithOldest, 3 * day},
		{"G1 a code and a known device", Facts{Numbers: oldest(live), Evidence: []Evidence{saved}, DeviceKnown: Yes, SecurityChange: calm}, Wait, 7 * day, "W-code-and-device", WithOldest, 6 * day},
		{"A1 a code and a known device after a change", Facts{Numbers: oldest(live), Evidence: []Evidence{saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: Change{Known: true, At: now.Add(-29 * day)}}, NeedEvidence, 0, string(V2), WithOldest, 0},
		{"G1 a code and a known device without any number", Facts{Evidence: []Evidence{saved}, DeviceKnown: Yes, PlaceFamiliar: Yes, SecurityChange: calm}, Wait, 14 * day, "W-code-and-device-untold", "", 0},
		{"G1 two without a number", Facts{Evidence: []Evidence{saved, {Method: TOTP, At: now}}}, Wait, 3 * day, "W-two-without-a-number", "", 0},
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
	f := Facts{Numbers: []Number{aged("o", 390*day, day), aged("y", 100*day, day)}, Evidence: []Evidence{sms("o")}, AnnouncedAt: now}
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
	same, err := Parse([]byte(strings.NewReplacer("then: 72h", "then: 4320m", "beside: [1, 2]", "beside: [2, 1]").Replace(text) + "\n# a comment\n"))
	if err != nil || same.Hash() != p.Hash() || same.Text() == p.Text() {
		t.Errorf("the same policy in other words: %v, hash equal %v", err, same.Hash() == p.Hash())
	}
	other, err := Parse([]byte(strings.Replace(text, "then: 336h", "then: 400h", 1)))
	if err != nil || other.Hash() == p.Hash() {
		t.Errorf("another policy: %v, hash equal %v", err, other.Hash() == p.Hash())
	}
	if again, err := Parse([]byte(p.Text())); err != nil || again.Hash() != p.Hash() {
		t.Errorf("its text again: %v", err)
	}
	// then changes what a row of the shipped policy says.
	then := func(row Row, answer string) func(string) string {
		return func(text string) string {
			return regexp.MustCompile(`(?s)(name: `+string(row)+`\b.*?then: )\S+`).ReplaceAllString(text, "${1}"+answer)
		}
	}
	replace := func(old, new string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, new, 1) }
	}
	for name, c := range map[string]struct {
		change func(string) string
		want   string
	}{
		"unknown key":        {replace("max_active", "max_actives"), "max_actives"},
		"unknown key of row": {replace("    then: 0s", "    than: 0s"), "than"},
		"no rows":            {func(text string) string { return text[:strings.Index(text, "rows:\n")] + "rows: []\n" }, "rows: must be 1 to 100"},
		"no answer":          {then("W-oldest-live-second-change", ""), `rows.W-oldest-live-second-change.then: "" is neither a duration`},
		"answer of null":     {then("W-younger-second-older-live", "null"), "rows.W-younger-second-older-live.then"},
		"bad duration":       {then("W-oldest-live-alone", "soon"), "neither a duration"},
		"more than a year":   {then("W-oldest-stale-alone", "8760h0m1s"), "neither a duration of 0 to 8760h"},
		"below zero":         {then("W-oldest-live-second-calm", "-1s"), "neither a duration of 0 to 8760h"},
		"bad name":           {replace("name: W-only-alone", "name: only"), "must be like W-oldest-live-alone"},
		"two of a name":      {replace("name: W-only-alone", "name: W-oldest-stale-alone"), "rows.W-oldest-stale-alone: there are two of them"},
		"unknown fact":       {replace("calm: yes", "mood: yes"), `rows.W-oldest-live-second-calm.when: "mood" is no fact`},
		"unknown word":       {replace("calm: yes", "calm: perhaps"), "rows.W-oldest-live-second-calm.when: calm: must be of unknown, no, yes"},
		"a word twice":       {replace("beside: [1, 2]", "beside: [1, 1]"), "beside: must be of 0, 1, 2, each once"},
		"no word":            {replace("beside: [1, 2]", "beside: []"), "beside: must be of 0, 1, 2"},
		"a row in the shade": {replace("name: W-only-alone ", "name: W-shade\n    when: {lead: oldest, own: live, told: yes}\n    then: 72h\n  - name: W-only-alone "), "rows.W-shade: is never reached"},
		"zero window":        {replace("live: 2160h ", "live: 0s "), "numbers.live: must be > 0"},

		"V6 turned round":            {then("W-younger-second-older-live", "25h"), "rows.W-younger-second-older-dormant: must not be later than W-younger-second-older-live: the silence of a livelier senior"},
		"second worse than alone":    {then("W-oldest-live-second-change", "100h"), "rows.W-oldest-live-second-change: must not be later than W-oldest-live-alone: more evidence must never be later"},
		"unknown better than known":  {replace("device: yes, place: yes, calm: yes", "device: [yes, unknown], place: yes, calm: yes"), "must not be later than W-oldest-live-second-calm: an unknown or new device"},
		"new place better":           {replace("device: yes, place: yes, calm: yes", "device: yes, place: [no], calm: yes"), "an unknown or new place must never do better"},
		"a change better":            {replace("device: yes, place: yes, calm: yes", "device: yes, place: yes, calm: no"), "a change, or not knowing of one"},
		"R6.1 younger better":        {then("W-younger-alone-older-stale", "48h"), "rows.W-oldest-live-alone: must not be later than W-younger-alone-older-stale: a younger number must never do better than the oldest (R6.1)"},
		"V9 silent better":           {then("W-oldest-dormant-second", "0s"), "rows.W-oldest-live-second-change: must not be later than W-oldest-dormant-second: a silent number"},
		"V2 alone at once":           {then("W-oldest-live-alone", "0s"), "rows.W-oldest-live-alone: must be at least 24h0m0s: one evidence alone never is enough at once (V2)"},
		"V2 nobody to tell":          {then("W-only-alone", "335h"), "rows.W-only-alone: must be at least 336h0m0s: one evidence of which nobody else hears"},
		"V2 a code and nobody":       {then("W-code-and-device-untold", "72h"), "rows.W-code-and-device-untold: must be at least 336h0m0s"},
		"younger alone, older lives": {then("W-younger-alone-older-live", "8760h"), "rows.W-younger-alone-older-live: must be at least refuse: a younger number alone never, while an older one lives"},
		"RC H quarantine":            {replace("quarantine: 168h ", "quarantine: 1ms "), "numbers.quarantine: must be at least 24h0m0s"},
		"RC H retire":                {replace("retire: 168h ", "retire: 1ms "), "numbers.retire: must be at least 168h0m0s"},
	} {
		t.Run(name, func(t *testing.T) {
			changed := c.change(text)
			if changed == text {
				t.Fatal("the case changes nothing")
			}
			if _, err := Parse([]byte(changed)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := Parse([]byte(strings.NewReplacer("version: 2", "version: 1", "per_number: 2 ", "per_number: 0 ").Replace(text))); err == nil || strings.Count(err.Error(), "policy.") != 2 {
		t.Errorf("all errors at once: %v", err)
	}
	if _, err := Parse([]byte("version: 1\nwaits: {W-oldest-live-alone: 72h}")); err == nil || !strings.HasPrefix(err.Error(), "policy.version: must be 2") || strings.Contains(err.Error(), "\n") {
		t.Errorf("first light's form: %v", err)
	}
}

// RC H: the file that configured V1, V4, V5, V6 and R6.1 away is refused with each
// floor that it breaks.
func TestFloorsOfAHostileFile(t *testing.T) {
	hostile := `version: 2
numbers: {max_active: 5, pending_ttl: 15m, quarantine: 1ms, quarantine_cautious: 1ms, cautious_within: 1ms, retire: 1ms, retire_oldest: 1ms, gap_cap: 1ms, live: 1ms, dormant: 1ms}
changes: {recent: 1ms}
vetoes: {per_number: 1000000, window: 1ms}
rows:
  - {name: W-anything, when: {}, then: 0s}
`
	_, err := Parse([]byte(hostile))
	for _, want := range []string{"numbers.quarantine: must be at least 24h0m0s", "numbers.retire: must be at least 168h0m0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("windows: %v, want %q", err, want)
		}
	}
	_, err = Parse([]byte(strings.NewReplacer("quarantine: 1ms", "quarantine: 24h", "quarantine_cautious: 1ms", "quarantine_cautious: 24h", "retire: 1ms", "retire: 168h", "retire_oldest: 1ms", "retire_oldest: 168h").Replace(hostile)))
	for _, want := range []string{"(V2)", "nobody else hears", "while an older one lives"} {
		if err == nil || !strings.Contains(err.Error(), "rows.W-anything: must be at least ") || !strings.Contains(err.Error(), want) {
			t.Errorf("rows: %v, want %q", err, want)
		}
	}
}
