package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"centinela/shared/auditlink"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/record"
)

// ids are those of the whole record's events.
func (w *world) ids() []string {
	w.T.Helper()
	var ids []string
	for _, e := range w.everything() {
		ids = append(ids, e.Event.ID)
	}
	return ids
}

// part is a shipment of entries from to to (numbers) of all that a source has shipped.
func part(w *world, service string, all []record.Shipment, from, to int64) record.Shipment {
	s := record.Shipment{Source: all[0].Source, From: from}
	for _, other := range all {
		for i, sealed := range other.Entries {
			if n := other.From + int64(i); n <= to {
				s.Head = s.Head.Next(sealed.Body)
				if n >= from {
					s.Entries = append(s.Entries, sealed)
				}
			}
		}
	}
	s.Signature = w.Services.Signer(service).Sign(s.Head.Message(s.Source))
	return s
}

// TestR51_Shipments: up to 200 events a shipment, in their order, each once however it comes: again, overlapping, before
// what is missing; what is held is the answer, and nothing is taken behind a hole.
func TestR51_Shipments(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		account := id.New("acc")
		log := w.newLog(module.Auth)
		all := []record.Shipment{log.Shipment(t, signIns(200, account)...), log.Shipment(t, signIns(3, account)...), log.Shipment(t, signIns(2, "")...)}
		first, second, third := all[0], all[1], all[2]
		for i, step := range []struct {
			what string
			send record.Shipment
			held record.Head
		}{
			{"what has a hole before it", second, record.Head{}},
			{"the first", first, first.Head},
			{"the first again", first, first.Head},
			{"the third, before the second", third, first.Head},
			{"what overlaps", part(w, module.Auth, all, 150, 203), second.Head},
			{"what was taken long ago", part(w, module.Auth, all, 3, 90), second.Head},
			{"the second, of which nothing is new", second, second.Head},
			{"the third", third, third.Head},
			{"the last five", part(w, module.Auth, all, 201, 205), third.Head},
		} {
			if held := w.held(w.send(module.Auth, step.send)); held != step.held {
				t.Fatalf("%d, %s: holds %d, want %d", i, step.what, held.N, step.held.N)
			}
		}
		var want []record.Sealed
		for _, s := range all {
			want = append(want, s.Entries...)
		}
		rows := w.rows()
		if len(rows) != 205 {
			t.Fatalf("%d rows", len(rows))
		}
		for i, row := range rows {
			if row.Seq != int64(i)+1 || !bytes.Equal(row.Body, want[i].Body) {
				t.Fatalf("row %d isn't what was shipped, byte for byte", row.Seq)
			}
		}
		// The head of another instance of the same service is its own.
		w.ship(module.Auth, signIns(2, account)...)
		w.Stop()
		w.mustVerify(207)
	})
}

// TestR51_ManyAtOnce: several callers ship the same logs of two instances of a service, cut differently. Each event is
// recorded once, each log in its order, and everybody is told the same in the end.
func TestR51_ManyAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		const callers, events = 6, 60
		var logs [2][]record.Shipment
		for i := range logs {
			log := w.newLog(module.Auth)
			for range events / 3 {
				logs[i] = append(logs[i], log.Shipment(t, signIns(3, id.New("acc"))...))
			}
		}
		var wg sync.WaitGroup
		for caller := range callers {
			wg.Go(func() {
				all, size := logs[caller%2], int64(1+caller)
				for from := int64(1); from <= events; {
					got := w.held(w.send(module.Auth, part(w, module.Auth, all, from, min(from+size-1, events))))
					from = got.N + 1
				}
			})
		}
		wg.Wait()
		next := map[string]int64{}
		for _, e := range w.everything() {
			if e.N != next[e.Source]+1 {
				t.Fatalf("event %d of %s after %d", e.N, e.Source, next[e.Source])
			}
			next[e.Source] = e.N
		}
		if len(next) != 2 || next[logs[0][0].Source] != events || next[logs[1][0].Source] != events {
			t.Errorf("%v", next)
		}
		w.Stop()
		w.mustVerify(2 * events)
	})
}

// TestR51_OneNumberManyContents: callers with the service's own key ship different events under the same numbers of one
// log. One of them is recorded, whole; the others are told that it holds something else, and what is there never changes.
func TestR51_OneNumberManyContents(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		const callers, n = 8, 50
		source := w.newLog(module.Auth).Source
		shipment := func() record.Shipment {
			log := w.newLog(module.Auth)
			log.Source = source
			return log.Shipment(t, signIns(n, id.New("acc"))...)
		}
		var mu sync.Mutex
		var won []record.Shipment
		answers := map[record.Head]int{}
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				s := shipment()
				held := w.held(w.send(module.Auth, s))
				mu.Lock()
				defer mu.Unlock()
				answers[held]++
				if held == s.Head {
					won = append(won, s)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 || answers[won[0].Head] != callers {
			t.Fatalf("%d won, answers %v", len(won), answers)
		}
		before := w.rows()
		for i, row := range before {
			if !bytes.Equal(row.Body, won[0].Entries[i].Body) {
				t.Errorf("row %d is of another caller", row.Seq)
			}
		}
		if held := w.held(w.send(module.Auth, shipment())); held != won[0].Head || len(before) != n {
			t.Errorf("%d rows, and a latecomer is told %+v", len(before), held)
		}
		for i, row := range w.rows() {
			if row.Hash != before[i].Hash {
				t.Errorf("row %d was changed", row.Seq)
			}
		}
		w.Stop()
		w.mustVerify(n)
	})
}

// hostile is a shipment whose envelope of the second event, or its openings, somebody changed, and signed anew.
func hostile(w *world, body, openings func(string) string) string {
	s := w.newLog(module.Auth).Shipment(w.T, signIn(""), signIn(id.New("acc")))
	if body != nil {
		s.Entries[1].Body = []byte(body(string(s.Entries[1].Body)))
	}
	if openings != nil {
		s.Entries[1].Openings = []byte(openings(string(s.Entries[1].Openings)))
	}
	s.Head = record.Head{}.Next(s.Entries[0].Body).Next(s.Entries[1].Body)
	s.Signature = w.Services.Signer(module.Auth).Sign(s.Head.Message(s.Source))
	return encoded(w.T, s)
}

// swap replaces a part that must be there.
func swap(w *world, old, fresh string) func(string) string {
	return func(text string) string {
		w.T.Helper()
		if !strings.Contains(text, old) {
			w.T.Fatalf("nothing to change: %q in %s", old, text)
		}
		return strings.Replace(text, old, fresh, 1)
	}
}

// TestR41_HostileShipments: what breaks the form is refused whole, with its place or reason and never the value, and
// records nothing. KB W: events of first light are told what to do.
func TestR41_HostileShipments(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	body := func(old, fresh string) string { return hostile(w, swap(w, old, fresh), nil) }
	shipment := func(change func(s *record.Shipment)) string {
		s := w.newLog(module.Auth).Shipment(t, signIn("marker"), signIn("marker"))
		change(&s)
		s.Signature = w.Services.Signer(module.Auth).Sign(s.Head.Message(s.Source))
		return encoded(t, s)
	}
	good := shipment(func(*record.Shipment) {})
	lines := strings.SplitAfter(good, "\n")
	head := func(old, fresh string) string { return swap(w, old, fresh)(lines[0]) + strings.Join(lines[1:], "") }
	many := w.newLog(module.Auth).Shipment(t, signIns(201, "")...)
	const notCanonical = "not in the canonical form"
	tests := map[string]struct {
		body   string
		status int
		says   string
	}{
		"no body":                             {"", 400, "is required"},
		"first light's form":                  {`{"events":[{"id":"evt_000000000000000000000000","action":"marker"}]}`, 400, "events of the first version are not taken any more"},
		"not JSON":                            {"{\n", 400, "not the head of a shipment"},
		"a head of nothing":                   {"{}\n", 403, "own name"},
		"a head with a field more":            {head(`"from"`, `"x":1,"from"`), 400, "not the head of a shipment"},
		"a head with a field twice":           {head(`"from":1`, `"from":1,"from":1`), 400, "not the head of a shipment"},
		"two heads in a line":                 {strings.TrimSpace(lines[0]) + lines[0] + strings.Join(lines[1:], ""), 400, "not the head of a shipment"},
		"a hash that is none":                 {head(`"hash":"`, `"hash":"marker`), 400, "not the head of a shipment"},
		"a signature that is none":            {head(`"signature":"`, `"signature":"?`), 400, "not the head of a shipment"},
		"no signature":                        {shipmentUnsigned(w), 403, "was not signed by its service"},
		"another number of events":            {head(`"n":2`, `"n":3`), 403, "was not signed by its service"},
		"no events":                           {shipment(func(s *record.Shipment) { s.Entries = nil }), 400, "the head isn't at the last event"},
		"an event too few":                    {shipment(func(s *record.Shipment) { s.Entries = s.Entries[:1] }), 400, "the head isn't at the last event"},
		"an event without its openings":       {strings.Join(lines[:len(lines)-2], ""), 400, "an event lacks its openings"},
		"201 events":                          {encoded(t, many), 400, "more than 200"},
		"a line of 40 KiB":                    {lines[0] + strings.Repeat("x", 40<<10) + "\n[]\n", 400, "the head isn't at the last event"},
		"a first line of 40 KiB":              {strings.Repeat(" ", 40<<10), 400, "not the head of a shipment"},
		"over 1 MiB":                          {good + strings.Repeat(strings.Repeat("x", 20<<10)+"\n", 60), 413, "larger than the operation takes"},
		"another source":                      {shipment(func(s *record.Shipment) { s.Source = w.newLog(module.Auth).Source }), 400, "an event of another source"},
		"an instance that is a path":          {shipment(func(s *record.Shipment) { s.Source = "auth/../x" }), 400, "an event of another source"},
		"another first number":                {shipment(func(s *record.Shipment) { s.From, s.Head.N = 2, 3 }), 400, "another number"},
		"an event twice":                      {shipment(func(s *record.Shipment) { s.Entries[1] = s.Entries[0] }), 400, "another number"},
		"the same event's id as another's":    {body(`"id":"evt_`, `"id":"acc_`), 400, "the id is not that of an event"},
		"letters that ids lack":               {hostile(w, func(s string) string { i := strings.Index(s, `"id":"evt_`) + 10; return s[:i] + "i" + s[i+1:] }, nil), 400, "the id is not that of an event"},
		"another number within":               {body(`"n":2`, `"n":3`), 400, "another number"},
		"a number of nothing":                 {body(`"n":2`, `"n":0`), 400, "n is out of range"},
		"a number as a text":                  {body(`"n":2`, `"n":"2"`), 400, notCanonical},
		"a number with a fraction":            {body(`"n":2`, `"n":2.0`), 400, notCanonical},
		"another source within":               {body(`"src":"auth/`, `"src":"auth/x`), 400, "an event of another source"},
		"another service within":              {body(`"src":"auth/`, `"src":"recovery/`), 400, "an event of another source"},
		"an unknown action":                   {body(`"action":"session.created"`, `"action":"marker.made_up"`), 400, "the action is not known"},
		"an unknown outcome":                  {body(`"outcome":"success"`, `"outcome":"marker"`), 400, "the outcome is not known"},
		"a class that doesn't fit":            {body(`"class":"security"`, `"class":"telemetry"`), 400, "the class is not that of the action"},
		"a class that isn't one":              {body(`"class":"security"`, `"class":"marker"`), 400, "the class is not that of the action"},
		"another version":                     {body(`"v":2}`, `"v":3}`), 400, notCanonical},
		"a member more":                       {body(`"outcome"`, `"marker":1,"outcome"`), 400, notCanonical},
		"a seq of one's choice":               {body(`"src"`, `"seq":1,"src"`), 400, notCanonical},
		"members in another order":            {body(`{"action":"session.created","class":"security",`, `{"class":"security","action":"session.created",`), 400, notCanonical},
		"a blank":                             {body(`"n":2`, `"n": 2`), 400, notCanonical},
		"a blank at the end":                  {body(`"v":2}`, `"v":2} `), 400, notCanonical},
		"a byte order mark":                   {hostile(w, func(s string) string { return "\ufeff" + s }, nil), 400, notCanonical},
		"a letter escaped":                    {body(`"method"`, `"m\u0065thod"`), 400, notCanonical},
		"an escape in capitals":               {body(`"why"`, `"wh\u000By"`), 400, notCanonical},
		"bytes that are no UTF-8":             {body(`"why"`, "\"wh\xffy\""), 400, notCanonical},
		"a surrogate in UTF-8":                {body(`"why"`, "\"\xed\xa0\x80\""), 400, notCanonical},
		"a lone surrogate":                    {body(`"why"`, `"\ud800"`), 400, notCanonical},
		"a pair of surrogates the wrong way":  {body(`"why"`, `"\udc00\ud800"`), 400, notCanonical},
		"a control character":                 {body(`"why"`, "\"w\thy\""), 400, notCanonical},
		"null":                                {body(`"why"`, `null`), 400, notCanonical},
		"an operator":                         {body(`"reason":"why"`, `"reason":{"$gt":"marker"}`), 400, notCanonical},
		"a number of a double's precision":    {body(`"method":"password"`, `"method":9007199254740993`), 400, notCanonical},
		"an infinite number":                  {body(`"method":"password"`, `"method":1e999`), 400, notCanonical},
		"data nested five deep":               {body(`"method":"password"`, `"method":[[[[1]]]]`), 400, notCanonical},
		"data with a member twice":            {body(`"method":"password"`, `"method":1,"method":2`), 400, notCanonical},
		"data of 9 KiB":                       {body(`"method":"password"`, `"method":"`+strings.Repeat("x", 9<<10)+`"`), 400, "the data is too long"},
		"a target that is too long":           {hostile(w, func(s string) string { return lengthen(s, `"target":"ses_`, 200) }, nil), 400, "the target or the request id is too long"},
		"a reason that is too long":           {body(`"why"`, `"`+strings.Repeat("y", 513)+`"`), 400, "the data is too long"},
		"before the year 2000":                {hostile(w, func(s string) string { return timed(s, 946684799999) }, nil), 400, "the time is not between the years 2000 and 2200"},
		"after the year 2200":                 {hostile(w, func(s string) string { return timed(s, 7258118400000) }, nil), 400, "the time is not between the years 2000 and 2200"},
		"an account in clear":                 {body(`"data":{`, `"data":{"account":"marker",`), 400, "the personal field account in clear"},
		"an address in clear":                 {body(`"data":{`, `"data":{"address":"marker",`), 400, "the personal field address in clear"},
		"an address instead of a commitment":  {hostile(w, func(s string) string { return committed(s, `"marker"`) }, nil), 400, notCanonical},
		"a commitment to something unknown":   {body(`"committed":{"account"`, `"committed":{"aa":"`+strings.Repeat("A", 43)+`","account"`), 400, notCanonical},
		"without its openings":                {hostile(w, nil, func(string) string { return "[]" }), 400, "a commitment has no opening"},
		"openings that are no list":           {hostile(w, nil, func(string) string { return "{}" }), 400, "the openings are " + notCanonical},
		"another value":                       {hostile(w, nil, swap(w, "203.0.113.9", "203.0.113.8")), 400, "an opening doesn't fit its commitment"},
		"another field's name":                {hostile(w, nil, swap(w, `"address"`, `"account"`)), 400, "an opening doesn't fit its commitment"},
		"an unknown field's name":             {hostile(w, nil, swap(w, `"address"`, `"marker"`)), 400, "an opening doesn't fit its commitment"},
		"an opening twice":                    {hostile(w, nil, func(s string) string { return strings.Replace(s, "]]", "],"+s[strings.LastIndex(s, "["):], 1) }), 400, "an opening comes twice"},
		"an opening too many":                 {hostile(w, func(s string) string { return dropCommitment(s, "user_agent") }, nil), 400, "an opening doesn't fit its commitment"},
		"openings with a blank":               {hostile(w, nil, func(s string) string { return s + " " }), 400, "the openings are " + notCanonical},
		"openings of bytes that are no UTF-8": {hostile(w, nil, swap(w, "an agent", "an \xff")), 400, "the openings are " + notCanonical},
		"openings of 5 KiB":                   {hostile(w, nil, func(s string) string { return s + strings.Repeat(" ", 5<<10) }), 400, "the openings are too long"},
	}
	before := w.Contents()
	for name, c := range tests {
		got := w.Do(module.Auth, "", http.MethodPost, ingest, c.body)
		if got.Status != c.status || got.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(got.Body, c.says) || strings.Contains(got.Body, "marker") {
			t.Errorf("%s: %d %s, want %d with %q", name, got.Status, got.Body, c.status, c.says)
		}
	}
	// As JSON, in which first light's services sent it.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+ingest, strings.NewReader(tests["first light's form"].body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	w.Services.Authorize(r, module.Auth, module.Audit)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	var problem struct{ Code, Detail string }
	if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil || resp.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(problem.Detail, "takes "+auditlink.MediaType) {
		t.Errorf("as JSON: %d %+v, %v", resp.StatusCode, problem, err)
	}
	if w.Contents() != before {
		t.Error("what was refused changed something")
	}
	if strings.Contains(w.Log.String(), "marker") {
		t.Error("a value is in the log")
	}
	if held := w.held(w.Do(module.Auth, "", http.MethodPost, ingest, good)); held.N != 2 {
		t.Errorf("the good one: %+v", held)
	}
}

func shipmentUnsigned(w *world) string {
	s := w.newLog(module.Auth).Shipment(w.T, signIn(""))
	s.Signature = nil
	return encoded(w.T, s)
}

// lengthen puts n letters behind a part.
func lengthen(text, behind string, n int) string {
	return strings.Replace(text, behind, behind+strings.Repeat("x", n), 1)
}

// timed gives an envelope another time.
func timed(body string, millis int64) string {
	i := strings.LastIndex(body, `"time":`)
	return fmt.Sprintf(`%s"time":%d,"v":2}`, body[:i], millis)
}

// committed puts another value in the place of the first commitment.
func committed(body, value string) string {
	const name = `"committed":{"account":`
	i := strings.Index(body, name) + len(name)
	return body[:i] + value + body[i+45:]
}

// dropCommitment takes a commitment out, which is not the first.
func dropCommitment(body, name string) string {
	i := strings.Index(body, `,"`+name+`":"`)
	return body[:i] + body[i+len(name)+49:]
}

// TestR51_OddTexts: what is valid UTF-8 comes back as it was, from both stores, and verifies.
func TestR51_OddTexts(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := newWorld(t, p, asItIs)
		account := id.New("acc")
		e := signIn(account)
		e.Reason = "ñ 😀 \u2028 \t \" ' \\ $where {$gt:1} --;"
		e.UserAgent = "\x00 <script> \u202e \ufeff"
		e.Data = record.Data{"": "", "$gt": "x", "a.b": "ñ", "__proto__": "😀", "n": 1.5, "list": []any{true, "x", record.Data{"deep": 1}}}
		w.ship(module.Auth, e)
		got := w.activity(account)
		if len(got) != 1 || *got[0].Reason != e.Reason || *got[0].UserAgent != e.UserAgent || len(*got[0].Data) != 6 || (*got[0].Data)["a.b"] != "ñ" || (*got[0].Data)["n"] != 1.5 {
			t.Errorf("%+v", got)
		}
		w.Stop()
		w.mustVerify(1)
	})
}

// CA A2: a trigger that is planted while audit runs and swallows what is written. Nothing is acknowledged; once it is
// gone, what waited comes in.
func TestR51_SwallowedIsNotAcknowledged(t *testing.T) {
	p := onSQLite(t)
	w := newWorld(t, p, asItIs)
	account := id.New("acc")
	w.ship(module.Auth, signIn(account))
	log := w.log(module.Auth)
	before := *log
	o := &sqliteOutsider{t: t, path: p.database()}
	for name, trigger := range map[string]string{
		"the thief's sign-in": `BEFORE INSERT ON entries WHEN instr(CAST(new.body AS TEXT), 'session.created') BEGIN SELECT RAISE(IGNORE); END`,
		"one of several":      `BEFORE INSERT ON entries WHEN new.seq % 2 = 1 BEGIN SELECT RAISE(IGNORE); END`,
		"taken out at once":   `AFTER INSERT ON entries BEGIN DELETE FROM entries WHERE seq = new.seq; END`,
		"emptied":             `AFTER INSERT ON entries BEGIN UPDATE entries SET openings = x'' WHERE seq = new.seq; END`,
		"the keys of persons": `BEFORE INSERT ON people BEGIN SELECT RAISE(IGNORE); END`,
	} {
		o.exec(`CREATE TRIGGER planted ` + trigger)
		*log = before
		other := id.New("acc") // whose key isn't there yet
		s := log.Shipment(t, signIn(account), signIn(other), signIn(account))
		if got := w.send(module.Auth, s); got.Status != 503 && got.Status != 500 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		o.exec(`DROP TRIGGER planted`)
		if n := len(w.rows()); n != int(before.Head.N) {
			t.Fatalf("%s: %d rows, want %d", name, n, before.Head.N)
		}
		if held := w.held(w.send(module.Auth, s)); held != s.Head {
			t.Fatalf("%s: afterwards %+v, want %+v", name, held, s.Head)
		}
		before = *log
	}
	w.Stop()
	w.mustVerify(int(before.Head.N))
}

// A shipment of the largest events that there can be is taken: what a shipper packs, audit reads.
func TestR51_LargestEvents(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	var events []record.Event
	for range 40 {
		e := signIn(id.New("acc"))
		e.UserAgent, e.Reason = strings.Repeat("ñ", 256), strings.Repeat("r", 512)
		e.Data = record.Data{"long": strings.Repeat("\x01", 1200)} // 6 bytes each in canonical form
		events = append(events, e)
	}
	w.ship(module.Auth, events...)
	if got := w.ids(); !slices.Equal(got, idsOf(events)) {
		t.Errorf("%d events", len(got))
	}
}

func idsOf(events []record.Event) []string {
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}
