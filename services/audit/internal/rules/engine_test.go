package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func defaultEngine(t testing.TB) *Engine {
	t.Helper()
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return NewEngine(rules)
}

// Feed gives an event to every rule, as a Runner does.
func (e *Engine) Feed(event record.Event) (decisions []Decision) {
	for i := range e.Rules() {
		if d, ok := e.apply(i, event); ok {
			decisions = append(decisions, d)
		}
	}
	return decisions
}

func violation(address string, at time.Duration) record.Event {
	e := record.New(noon.Add(at), "chat-relay", record.ChatProtocolViolation, record.Refused, record.Origin{Address: address})
	e.Account = "acc_0123456789abcdefghjkmnpq"
	return e
}

// R5.3: three violations of one address within ten minutes of event time, and nothing else.
func TestProtocolViolation(t *testing.T) {
	foreign := violation("203.0.113.9", 0)
	foreign.Service = "gateway"
	for name, test := range map[string]struct {
		events []record.Event
		want   string // of the last event; "" for none
		kind   string
	}{
		"two":                         {events: []record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", 1)}},
		"three":                       {[]record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", 0), violation("203.0.113.9", 0)}, "203.0.113.9", "ip"},
		"a fourth, a minute later":    {[]record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", 0), violation("203.0.113.9", 0), violation("203.0.113.9", time.Minute)}, "203.0.113.9", "ip"},
		"a fourth at once":            {events: []record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", 0), violation("203.0.113.9", 0), violation("203.0.113.9", time.Minute-1)}},
		"three addresses":             {events: []record.Event{violation("203.0.113.9", 0), violation("203.0.113.10", 0), violation("203.0.113.11", 0)}},
		"an IPv6 /64 is one":          {[]record.Event{violation("2001:db8::1", 0), violation("2001:db8::2:2", 0), violation("2001:db8:0:0:f::", 0)}, "2001:db8::/64", "prefix"},
		"IPv4 in IPv6 is the same":    {[]record.Event{violation("203.0.113.9", 0), violation("::ffff:203.0.113.9", 0), violation("203.0.113.9", 0)}, "203.0.113.9", "ip"},
		"just within the window":      {[]record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", time.Minute), violation("203.0.113.9", 10*time.Minute-time.Millisecond)}, "203.0.113.9", "ip"},
		"just outside":                {events: []record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", time.Minute), violation("203.0.113.9", 10*time.Minute)}},
		"a late one fills it":         {[]record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", 5*time.Minute), violation("203.0.113.9", time.Minute)}, "203.0.113.9", "ip"},
		"a late one, too far apart":   {events: []record.Event{violation("203.0.113.9", 0), violation("203.0.113.9", 10*time.Minute), violation("203.0.113.9", time.Minute)}},
		"older than what counts":      {events: []record.Event{violation("203.0.113.9", 20*time.Minute), violation("203.0.113.9", 30*time.Minute), violation("203.0.113.9", 40*time.Minute), violation("203.0.113.9", 0)}},
		"without an address":          {events: []record.Event{violation("", 0), violation("", 0), violation("", 0)}},
		"from another service (R4.1)": {events: []record.Event{foreign, foreign, foreign}},
	} {
		t.Run(name, func(t *testing.T) {
			engine := defaultEngine(t)
			var got []Decision
			for _, e := range test.events {
				got = engine.Feed(e)
			}
			if test.want == "" {
				if len(got) != 0 {
					t.Errorf("decided %+v", got)
				}
				return
			}
			last := test.events[len(test.events)-1]
			if len(got) != 1 {
				t.Fatalf("decided %+v", got)
			}
			d := got[0]
			if !slices.Equal(d.Subjects, []Subject{{test.kind, test.want}}) || d.Action != "refuse" || d.Rule != "protocol_violation" || !d.Until.Equal(last.Time.Add(10*time.Minute)) || d.Trigger != last.ID {
				t.Errorf("%+v", d)
			}
			if !id.Valid("vrd", d.ID) {
				t.Errorf("id %s", d.ID)
			}
		})
	}
}

// KB D4: one offender makes one decision a minute, not one an event, and each
// names the same subject, so that one verdict is made longer.
func TestOneOffenderDecidesOnceInAWhile(t *testing.T) {
	engine := defaultEngine(t)
	var at []time.Duration
	for i := range 300 {
		when := time.Duration(i) * time.Second
		for _, d := range engine.Feed(violation("203.0.113.9", when)) {
			if d.Subjects[0] != (Subject{"ip", "203.0.113.9"}) || !d.Until.Equal(noon.Add(when+10*time.Minute)) {
				t.Errorf("%+v", d)
			}
			at = append(at, when)
		}
	}
	if want := []time.Duration{2 * time.Second, 62 * time.Second, 122 * time.Second, 182 * time.Second, 242 * time.Second}; !slices.Equal(at, want) {
		t.Errorf("decided at %v, want %v", at, want)
	}
}

// What a rule counts in an event; what isn't in the right form counts nothing.
func TestSubjects(t *testing.T) {
	account, mine, theirs, device := id.New("acc"), id.New("ses"), id.New("ses"), strings.Repeat("0a", 32)
	for _, test := range []struct {
		key   string
		event record.Event
		want  Subject
	}{
		{KeyAccount, record.Event{Account: account}, Subject{"account", account}},
		{KeyAccount, record.Event{Account: mine}, Subject{}},
		{KeyAccount, record.Event{}, Subject{}},
		{KeySession, record.Event{Session: mine}, Subject{"session", mine}},
		{KeySession, record.Event{Session: mine, Target: theirs}, Subject{"session", theirs}},
		{KeySession, record.Event{Session: mine, Target: "msg_1"}, Subject{"session", mine}},
		{KeySession, record.Event{Session: account}, Subject{}},
		{KeyDevice, record.Event{Device: device}, Subject{"device", device}},
		{KeyDevice, record.Event{Device: device + "0"}, Subject{}},
		{KeyDevice, record.Event{Device: device[:15]}, Subject{}},
		{KeyAddress, record.Event{Address: "203.0.113.9"}, Subject{"ip", "203.0.113.9"}},
		{KeyAddress, record.Event{Address: "::ffff:203.0.113.9"}, Subject{"ip", "203.0.113.9"}},
		{KeyAddress, record.Event{Address: "2001:db8::9%eth0"}, Subject{"prefix", "2001:db8::/64"}},
		{KeyAddress, record.Event{Address: "nowhere"}, Subject{}},
		{"planet", record.Event{}, Subject{}},
	} {
		if got, ok := subjectOf(test.key, test.event); ok != (test.want != Subject{}) || ok && got != test.want {
			t.Errorf("%s of %+v: %+v, %v", test.key, test.event, got, ok)
		}
	}
}

// A key of two parts counts, and names, both.
func TestJoinedKey(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	rules[0].Key = Keys{KeyAccount, KeyAddress}
	engine := NewEngine(rules)
	feed := func(account, address string) []Decision {
		e := violation(address, 0)
		e.Account = account
		return engine.Feed(e)
	}
	ana, luis := id.New("acc"), id.New("acc")
	for range 2 {
		for _, c := range [][2]string{{ana, "203.0.113.9"}, {ana, "203.0.113.10"}, {luis, "203.0.113.9"}, {"", "203.0.113.9"}} {
			if got := feed(c[0], c[1]); len(got) != 0 {
				t.Errorf("%v: %+v", c, got)
			}
		}
	}
	got := feed(ana, "203.0.113.9")
	if len(got) != 1 || !slices.Equal(got[0].Subjects, []Subject{{"account", ana}, {"ip", "203.0.113.9"}}) {
		t.Errorf("%+v", got)
	}
}

// R5.3: the same events give the same decisions, also for an engine that was
// rebuilt from the last windows in the middle.
func TestEngineIsDeterministic(t *testing.T) {
	var events []record.Event
	for i := range 400 {
		events = append(events, violation(fmt.Sprintf("203.0.113.%d", i*7%5), time.Duration(i)*37*time.Second))
	}
	run := func(engine *Engine, events []record.Event) (all []Decision) {
		for _, e := range events {
			all = append(all, engine.Feed(e)...)
		}
		return all
	}
	whole := run(defaultEngine(t), events)
	if len(whole) == 0 || !reflect.DeepEqual(whole, run(defaultEngine(t), events)) {
		t.Fatalf("%d decisions, and other ones the second time", len(whole))
	}
	for cut := range events {
		rebuilt := defaultEngine(t)
		for _, e := range events[:cut] {
			if e.Time.After(events[cut].Time.Add(-rebuilt.Window())) {
				rebuilt.Feed(e)
			}
		}
		got := run(rebuilt, events[cut:])
		if want := whole[len(whole)-len(got):]; !reflect.DeepEqual(got, append([]Decision(nil), want...)) {
			t.Fatalf("rebuilt at %d: %d decisions differ", cut, len(got))
		}
	}
}

// Many addresses don't make a rule remember without bound.
func TestCounterIsBounded(t *testing.T) {
	engine := defaultEngine(t)
	engine.counters[0].limit = 100
	for i := range 1000 {
		engine.Feed(violation(fmt.Sprintf("10.%d.%d.1", i/250, i%250), 0))
		engine.Feed(violation("203.0.113.9", time.Duration(i)*time.Hour)) // in use: it stays
	}
	if c := engine.counters[0]; len(c.keys) != 100 || c.recent.Len() != 100 {
		t.Errorf("%d keys, %d in the list", len(c.keys), c.recent.Len())
	}
	if _, ok := engine.counters[0].keys["203.0.113.9"]; !ok {
		t.Error("the key in use was forgotten")
	}
}

// A decision that can't be stored waits; its event isn't counted twice.
func TestRunnerRetries(t *testing.T) {
	var imposed []string
	down := true
	runner := NewRunner(defaultEngine(t), func(_ context.Context, d Decision) error {
		if down {
			return errors.New("store fault")
		}
		imposed = append(imposed, d.ID)
		return nil
	}, slog.New(slog.DiscardHandler))
	take := func(seq int64, e record.Event) error { return runner.Take(t.Context(), seq, e) }
	first, second, third := violation("203.0.113.9", 0), violation("203.0.113.9", 0), violation("203.0.113.9", 0)
	for range 3 { // handed over again and again: still two events
		for seq, e := range []record.Event{first, second} {
			if err := take(int64(seq)+1, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := take(3, third); err == nil {
		t.Fatal("the store's fault was lost")
	}
	down = false
	if err := take(3, third); err != nil || len(imposed) != 1 || imposed[0] != derivedID("protocol_violation", third.ID) {
		t.Errorf("imposed %v, %v", imposed, err)
	}
}

// A warming that fails half way begins anew: no event counts twice (R5.3), or two
// violations would be a ban.
func TestWarmingAgainCountsOnce(t *testing.T) {
	runner := NewRunner(defaultEngine(t), func(_ context.Context, d Decision) error {
		t.Errorf("decided %+v", d)
		return nil
	}, slog.New(slog.DiscardHandler))
	first, second := violation("203.0.113.9", 0), violation("203.0.113.9", 0)
	for range 3 {
		runner.Warm(1, first)
	}
	if err := runner.Take(t.Context(), 2, second); err != nil {
		t.Fatal(err)
	}
}

// R3: a rule that panics on an event is passed by for that event; the rules
// after it see the event once, however often it is handed over.
func TestRunnerSurvivesAPanic(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	broken, sound := rules[0], rules[0]
	broken.ID, sound.ID = "broken", "sound"
	engine := NewEngine([]Rule{broken, sound})
	engine.counters[0].keys = nil // to add to it panics
	var imposed []string
	runner := NewRunner(engine, func(_ context.Context, d Decision) error {
		imposed = append(imposed, d.Rule+" "+d.Trigger)
		return nil
	}, slog.New(slog.DiscardHandler))
	panics := 0
	take := func(seq int64, e record.Event) {
		defer func() {
			if recover() != nil {
				panics++
			}
		}()
		if err := runner.Take(t.Context(), seq, e); err != nil {
			t.Error(err)
		}
	}
	var third record.Event
	for seq := range int64(3) {
		third = violation("203.0.113.9", 0)
		for range 4 { // as the follower does: the same entry until it is taken
			take(seq+1, third)
		}
	}
	if panics != 3 || len(imposed) != 1 || imposed[0] != "sound "+third.ID {
		t.Errorf("%d panics, imposed %v", panics, imposed)
	}
}

func TestLogModeDecidesNothing(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for i := range rules {
		rules[i].Mode = LogOnly
	}
	runner := NewRunner(NewEngine(rules), func(context.Context, Decision) error {
		t.Error("imposed")
		return nil
	}, slog.New(slog.DiscardHandler))
	for seq := range int64(5) {
		if err := runner.Take(t.Context(), seq+1, violation("203.0.113.9", 0)); err != nil {
			t.Fatal(err)
		}
	}
}
