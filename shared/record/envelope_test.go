package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC)

const source = "auth/0a1b2c"

func sample() Event {
	e := New(now, "auth", SessionCreated, Success, Origin{Address: "192.0.2.1", UserAgent: "ua \"é\"", RequestID: "r", Device: "d"})
	e.Account, e.Session, e.Target, e.Reason = "acc_1", "ses_1", "ses_1", "why"
	e.Data = Data{"score": 0.25, "rules": []string{"V1"}, "count": 3}
	return e
}

func sealed(t *testing.T, e Event) Sealed {
	t.Helper()
	s, err := e.Seal(source, 7)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNew(t *testing.T) {
	e := sample()
	if !e.Time.Equal(now.Truncate(time.Millisecond)) || e.Time.Nanosecond() != 678_000_000 {
		t.Errorf("time %v", e.Time)
	}
	if e.Address != "192.0.2.1" || e.RequestID != "r" || e.Device != "d" || e.ID == sample().ID {
		t.Errorf("got %+v", e)
	}
}

// An over-long or broken header must not make an event that can't be recorded: an
// attacker could hide by it.
func TestNewBoundsWhatTheClientChose(t *testing.T) {
	for _, agent := range []string{strings.Repeat("x", 5000), strings.Repeat("é", 400), "x" + strings.Repeat("é", 400), "\xff\xfe", strings.Repeat("\xffa", 511)} {
		e := New(now, "auth", SessionRefused, Refused, Origin{UserAgent: agent, Address: agent, RequestID: agent, Device: agent})
		if _, err := e.Seal(source, 1); err != nil {
			t.Errorf("%.10q: %v", agent, err)
		}
		if !utf8.ValidString(e.UserAgent) || e.UserAgent == "" {
			t.Errorf("%.10q became %.10q", agent, e.UserAgent)
		}
	}
}

// The form is what other programs recompute: it must never change.
func TestEnvelopeForm(t *testing.T) {
	e := Event{
		ID: "evt_000000000000000000000000", Time: now, Service: "auth", Action: SessionCreated, Outcome: Success,
		Target: "ses_1", RequestID: "req_1", Data: Data{"count": 3, "ratio": 0.5},
	}
	s := sealed(t, e)
	const want = `{"action":"session.created","class":"security","committed":{},"data":{"correlation_id":"req_1","count":3,"ratio":0.5,"target":"ses_1"},"id":"evt_000000000000000000000000","n":7,"outcome":"success","src":"auth/0a1b2c","time":1767323045678,"v":2}`
	if string(s.Body) != want || string(s.Openings) != "[]" {
		t.Errorf("got  %s %s\nwant %s", s.Body, s.Openings, want)
	}
}

// KB D2, design audit "Erasure": the bytes that are hashed hold nothing personal, the
// commitments are salted SHA-256 that any program can recompute from the openings.
func TestPersonalFieldsAreCommitments(t *testing.T) {
	e := sample()
	s := sealed(t, e)
	for _, secret := range []string{e.Account, e.Session + `"`, e.Address, "ua ", `"d"`} {
		if strings.Contains(strings.ReplaceAll(string(s.Body), `"target":"ses_1"`, ""), secret) {
			t.Errorf("%q stands in the body", secret)
		}
	}
	var body struct{ Committed map[string]string }
	var openings []json.RawMessage
	if err := errors.Join(json.Unmarshal(s.Body, &body), json.Unmarshal(s.Openings, &openings)); err != nil {
		t.Fatal(err)
	}
	if len(openings) != 5 || len(body.Committed) != 5 {
		t.Fatalf("%d openings, %d commitments", len(openings), len(body.Committed))
	}
	for _, raw := range openings {
		var opening [3]string
		if err := json.Unmarshal(raw, &opening); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		if body.Committed[opening[1]] != base64.RawURLEncoding.EncodeToString(sum[:]) {
			t.Errorf("%s: another commitment", opening[1])
		}
	}
	if again := sealed(t, e); bytes.Equal(again.Body, s.Body) {
		t.Error("the same values make the same commitments: the salt is missing")
	}
}

func TestRoundTrip(t *testing.T) {
	e := sample()
	s := sealed(t, e)
	env, err := Parse(s.Body)
	if err != nil {
		t.Fatal(err)
	}
	if env.Event.Account != "" || env.Event.Address != "" {
		t.Errorf("disclosed without openings: %+v", env.Event)
	}
	if err := env.Disclose(s.Openings); err != nil {
		t.Fatal(err)
	}
	e.Data = nil
	if !reflect.DeepEqual(env.Event, e) || env.Source != source || env.N != 7 || env.Class != Security {
		t.Errorf("got  %+v\nwant %+v", env.Event, e)
	}
	want := Data{"score": 0.25, "rules": []any{"V1"}, "count": 3.0}
	if got := env.Data(); !reflect.DeepEqual(got, want) {
		t.Errorf("data %v", got)
	}
}

// Every field of an event comes through, and changes the bytes or the openings:
// a field that is added later must too.
func TestNoFieldIsForgotten(t *testing.T) {
	kind := reflect.TypeFor[Event]()
	for i := range kind.NumField() {
		f := kind.Field(i)
		if f.Tag.Get("json") != f.Tag.Get("bson") || f.Tag.Get("json") == "" {
			t.Errorf("%s has different names in JSON and BSON", f.Name)
		}
		if f.Type.Kind() != reflect.String || f.Name == "ID" || f.Name == "Service" || f.Name == "Action" || f.Name == "Outcome" {
			continue
		}
		e := Event{ID: "evt_000000000000000000000000", Time: now, Service: "auth", Action: SessionCreated, Outcome: Success}
		reflect.ValueOf(&e).Elem().Field(i).SetString("some value")
		s := sealed(t, e)
		env, err := Parse(s.Body)
		if err := errors.Join(err, env.Disclose(s.Openings)); err != nil {
			t.Fatal(err)
		}
		if got := reflect.ValueOf(env.Event).Field(i).String(); got != "some value" {
			t.Errorf("%s came back as %q", f.Name, got)
		}
		reflect.ValueOf(&e).Elem().Field(i).SetString(strings.Repeat("x", 600))
		if s, err := e.Seal(source, 1); err == nil && len(s.Body)+len(s.Openings) > 1200 {
			t.Errorf("%s has no bound", f.Name)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	for name, change := range map[string]func(e *Event){
		"foreign id":         func(e *Event) { e.ID = "acc_" + e.ID[4:] },
		"no id":              func(e *Event) { e.ID = "" },
		"no time":            func(e *Event) { e.Time = time.Time{} },
		"a time of 1999":     func(e *Event) { e.Time = time.Date(1999, 12, 31, 23, 59, 59, 999e6, time.UTC) },
		"a time of 2200":     func(e *Event) { e.Time = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC) },
		"another service":    func(e *Event) { e.Service = "recovery" },
		"no service":         func(e *Event) { e.Service = "" },
		"unknown action":     func(e *Event) { e.Action = "session.made_up" },
		"unknown outcome":    func(e *Event) { e.Outcome = "maybe" },
		"long account":       func(e *Event) { e.Account = strings.Repeat("x", 65) },
		"long subject":       func(e *Event) { e.Subject = strings.Repeat("x", 193) },
		"long target":        func(e *Event) { e.Target = strings.Repeat("x", maxTarget+1) },
		"long request id":    func(e *Event) { e.RequestID = strings.Repeat("x", maxRequestID+1) },
		"agent not UTF-8":    func(e *Event) { e.UserAgent = "\xff" },
		"data too long":      func(e *Event) { e.Data = Data{"x": strings.Repeat("y", maxData)} },
		"data too deep":      func(e *Event) { e.Data = Data{"a": Data{"b": Data{"c": Data{"d": Data{}}}}} },
		"data with NaN":      func(e *Event) { e.Data = Data{"a": math.NaN()} },
		"data of no type":    func(e *Event) { e.Data = Data{"a": make(chan int)} },
		"data with a target": func(e *Event) { e.Data = Data{"target": "x"} },
		"an account in data": func(e *Event) { e.Data = Data{"account": "x"} },
		"an agent in data":   func(e *Event) { e.Data = Data{"user_agent": "x"} },
		"data with an id":    func(e *Event) { e.Data = Data{"correlation_id": "x"} },
		"data with a reason": func(e *Event) { e.Data = Data{"reason": "x"} },
	} {
		t.Run(name, func(t *testing.T) {
			e := sample()
			change(&e)
			if s, err := e.Seal(source, 1); err == nil {
				t.Errorf("sealed: %.200s", s.Body)
			}
		})
	}
	for _, src := range []string{"", "auth", "auth/", "/x", "auth/X", "auth/a b", "auth/" + strings.Repeat("x", 40), "auth/x/y"} {
		if _, err := sample().Seal(src, 1); err == nil {
			t.Errorf("sealed for the source %q", src)
		}
	}
	for _, n := range []int64{0, -1, maxInt + 1} {
		if _, err := sample().Seal(source, n); err == nil {
			t.Errorf("sealed as number %d", n)
		}
	}
	e := sample()
	e.Reason = strings.Repeat("é", 400)
	env, err := Parse(sealed(t, e).Body)
	if err != nil || len(env.Event.Reason) > maxReason || env.Event.Reason == "" {
		t.Errorf("a long reason isn't cut: %d bytes, %v", len(env.Event.Reason), err)
	}
}

// Each bound is the longest that is taken, and one more isn't: by who seals, and by who reads.
func TestBounds(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	wide := func(n int) Data {
		list, object := make([]int, n), Data{}
		for i := range n {
			object[string(rune('A'+i))] = i
		}
		return Data{"list": list, "object": object}
	}
	for name, c := range map[string]struct {
		most int
		set  func(e *Event, n int)
	}{
		"account":    {64, func(e *Event, n int) { e.Account = text(n) }},
		"address":    {64, func(e *Event, n int) { e.Address = text(n) }},
		"device":     {64, func(e *Event, n int) { e.Device = text(n) }},
		"session":    {64, func(e *Event, n int) { e.Session = text(n) }},
		"subject":    {192, func(e *Event, n int) { e.Subject = text(n) }},
		"user agent": {512, func(e *Event, n int) { e.UserAgent = text(n) }},
		"target":     {128, func(e *Event, n int) { e.Target = text(n) }},
		"request id": {64, func(e *Event, n int) { e.RequestID = text(n) }},
		"data": {8 << 10, func(e *Event, n int) {
			e.Data, e.Target, e.Reason, e.RequestID = Data{"a": text(n - len(`{"a":""}`))}, "", "", ""
		}},
		"members": {64, func(e *Event, n int) { e.Data = wide(n) }},
		"depth": {4, func(e *Event, n int) {
			e.Data = Data{}
			for range n - 1 {
				e.Data = Data{"a": e.Data}
			}
		}},
	} {
		e := sample()
		c.set(&e, c.most)
		s := sealed(t, e)
		env, err := Parse(s.Body)
		if err == nil {
			err = env.Disclose(s.Openings)
		}
		if err != nil {
			t.Errorf("%s of %d: %v", name, c.most, err)
		}
		c.set(&e, c.most+1)
		if _, err := e.Seal(source, 7); err == nil {
			t.Errorf("%s of %d is sealed", name, c.most+1)
		}
	}
	e := sample()
	e.Service = text(32)
	if _, err := e.Seal(text(32)+"/"+text(31), 7); err != nil {
		t.Error(err)
	}
	if _, err := e.Seal(text(32)+"/"+text(32), 7); err == nil {
		t.Error("a source of 65 bytes is sealed")
	}
	e.Service = text(33)
	if _, err := e.Seal(text(33)+"/"+text(3), 7); err == nil {
		t.Error("a service of 33 bytes is sealed")
	}
	last, err := sample().Seal(source, 9007199254740992)
	if err == nil {
		_, err = Parse(last.Body)
	}
	if err != nil {
		t.Error(err)
	}
	e = sample()
	for _, at := range []time.Time{time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2199, 12, 31, 23, 59, 59, 999_000_000, time.UTC)} {
		e.Time = at
		if _, err := Parse(sealed(t, e).Body); err != nil {
			t.Error(err)
		}
	}
}

// Parse takes no other spelling, no other form and nothing beside it.
func TestParseRefuses(t *testing.T) {
	good := string(sealed(t, sample()).Body)
	for name, body := range map[string]string{
		"empty":              "",
		"null":               "null",
		"a space":            " " + good,
		"something behind":   good + "\n",
		"cut":                good[:len(good)-1],
		"the old form":       `{"id":"evt_000000000000000000000000","time":"2026-01-02T03:04:05.678Z","service":"auth","action":"session.created","outcome":"success"}`,
		"another version":    strings.Replace(good, `"v":2`, `"v":3`, 1),
		"another class":      strings.Replace(good, `"class":"security"`, `"class":"activity"`, 1),
		"unknown action":     strings.Replace(good, "session.created", "session.creates", 1),
		"an unknown field":   strings.Replace(good, `"committed":{`, `"committed":{"zip":"`+strings.Repeat("x", 43)+`",`, 1),
		"a short commitment": strings.Replace(good, `"account":"`, `"account":"x`, 1),
		"an account in data": strings.Replace(good, `"data":{`, `"data":{"account":"x",`, 1),
		"a plain address":    strings.Replace(good, `"committed":{`, `"address":"192.0.2.1","committed":{`, 1),
		"an extra member":    strings.Replace(good, `,"v":2`, `,"u":1,"v":2`, 1),
		"swapped data":       strings.Replace(good, `"count":3,"reason":"why"`, `"reason":"why","count":3`, 1),
		"another spelling":   strings.Replace(good, `"count":3`, `"count":3.0`, 1),
		"an escape":          strings.Replace(good, `"why"`, `"\u0077hy"`, 1),
		"a target number":    strings.Replace(good, `"target":"ses_1"`, `"target":1`, 1),
		"a time of 1999":     strings.Replace(good, `"time":1767323045678`, `"time":946684799999`, 1),
		"a time of 2200":     strings.Replace(good, `"time":1767323045678`, `"time":7258118400000`, 1),
		"a time with a dot":  strings.Replace(good, `"time":1767323045678`, `"time":1767323045678.5`, 1),
		"n of zero":          strings.Replace(good, `"n":7`, `"n":0`, 1),
		"a bad source":       strings.Replace(good, source, "auth/..", 1),
		"far too long":       strings.Repeat("x", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			if body == good {
				t.Fatal("the case changes nothing")
			}
			if _, err := Parse([]byte(body)); !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A text that ends anywhere, also within an escape, is refused and nothing worse.
func TestReadCut(t *testing.T) {
	s := sealed(t, sample())
	for _, end := range []string{"", `\`, `"`} {
		for i := range s.Body {
			if _, err := Parse(slices.Concat(s.Body[:i:i], []byte(end))); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s%s: %v", s.Body[:i], end, err)
			}
		}
		for i := range s.Openings {
			env, err := Parse(s.Body)
			if err == nil {
				err = env.Disclose(slices.Concat(s.Openings[:i:i], []byte(end)))
			}
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("openings cut at %d, %q: %v", i, end, err)
			}
		}
	}
}

func TestDiscloseRefuses(t *testing.T) {
	s, other := sealed(t, sample()), sealed(t, sample())
	all := string(s.Openings)
	var list []json.RawMessage
	if err := json.Unmarshal(s.Openings, &list); err != nil {
		t.Fatal(err)
	}
	first := string(list[0])
	for name, openings := range map[string]string{
		"none":            "[]",
		"nothing":         "",
		"of another":      string(other.Openings),
		"one missing":     strings.Replace(all, first+",", "", 1),
		"one twice":       strings.Replace(all, first, first+","+first, 1),
		"another value":   strings.Replace(all, "acc_1", "acc_2", 1),
		"another name":    strings.Replace(all, `"account"`, `"address"`, 1),
		"an unknown name": strings.Replace(all, `"account"`, `"name"`, 1),
		"a space":         strings.Replace(all, ",", ", ", 1),
		"something after": all + "x",
		"cut":             all[:len(all)-1],
	} {
		t.Run(name, func(t *testing.T) {
			if openings == all {
				t.Fatal("the case changes nothing")
			}
			env, err := Parse(s.Body)
			if err != nil {
				t.Fatal(err)
			}
			if err := env.Disclose([]byte(openings)); !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Parse never panics, and what it takes is canonical JSON of at most its bound.
func FuzzParse(f *testing.F) {
	s, err := sample().Seal(source, 7)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(s.Body, s.Openings)
	f.Fuzz(func(t *testing.T, body, openings []byte) {
		env, err := Parse(body)
		if err != nil {
			return
		}
		if !json.Valid(body) || env.N < 1 || !Known(env.Event.Action) {
			t.Errorf("taken: %s", body)
		}
		_ = env.Data()
		if env.Disclose(openings) == nil && !json.Valid(openings) {
			t.Errorf("disclosed: %s", openings)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	e := sample()
	for b.Loop() {
		if _, err := e.Seal(source, 7); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	s, err := sample().Seal(source, 7)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		env, err := Parse(s.Body)
		if err == nil {
			err = env.Disclose(s.Openings)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
