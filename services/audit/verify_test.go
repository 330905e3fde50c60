package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"centinela/services/audit"
	"centinela/services/audit/internal/ledger"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

const seeded = 12

// seed is a stopped audit with twelve entries, every field of which is filled and each of which is signed, and the
// checkpoint of the last. The first two are of one person.
func seed(t *testing.T, at place) *world {
	t.Helper()
	w := newWorld(t, at, asItIs)
	same := id.New("acc")
	for i := range seeded {
		account := id.New("acc")
		if i < 2 {
			account = same
		}
		w.ship(module.Auth, signIn(account))
	}
	w.Stop()
	w.mustVerify(seeded)
	return w
}

// names holds when verification, run from outside, says that seq is the first bad entry, and why.
func names(t *testing.T, p place, what string, seq int, why string) {
	t.Helper()
	out, err := verifies(t, p)
	if !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), fmt.Sprintf("entry %d:", seq)) || !strings.Contains(out, fmt.Sprintf("BAD: entry %d:", seq)) || !strings.Contains(out, why) {
		t.Errorf("%s: want entry %d, %q, got %v\n%s", what, seq, why, err, out)
	}
}

// TestR52_VerifyNamesTheFirstBadEntry tampers from outside with the store of an audit that is stopped, on both engines:
// a flipped bit in any column, another spelling, rows removed, swapped, put in, cut off.
func TestR52_VerifyNamesTheFirstBadEntry(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		seed(t, p)
		o := newOutsider(t, p)
		try := func(what string, first int, change func()) {
			t.Helper()
			change()
			names(t, p, what, first, "")
			o.restore()
		}
		if n := len(o.columns()); n != 9 {
			t.Errorf("%d columns", n)
		}
		for _, seq := range []int{1, 6, seeded} {
			for _, column := range o.columns() {
				try(fmt.Sprintf("%s of %d", column, seq), seq, func() { o.flip(seq, column) })
			}
			for what, change := range o.cunning() {
				try(fmt.Sprintf("%s of %d", what, seq), seq, func() { change(seq) })
			}
		}
		rows := o.rows()
		without := func(seqs ...int) []ledger.Row {
			return slices.DeleteFunc(slices.Clone(rows), func(r ledger.Row) bool { return slices.Contains(seqs, int(r.Seq)) })
		}
		swapped := func(a, b int) []ledger.Row {
			other := slices.Clone(rows)
			other[a-1], other[b-1] = rows[b-1], rows[a-1]
			other[a-1].Seq, other[b-1].Seq = int64(a), int64(b)
			return other
		}
		for what, c := range map[string]struct {
			first int
			rows  []ledger.Row
			why   string
		}{
			"the first removed":        {1, without(1), "removed"},
			"one in the middle":        {6, without(6), "removed"},
			"two removed":              {4, without(4, 9), "removed"},
			"the last removed":         {seeded, without(seeded), "cut off"},
			"the last three cut off":   {seeded - 2, without(seeded-2, seeded-1, seeded), "cut off"},
			"all removed":              {1, nil, "cut off"},
			"the first two swapped":    {1, swapped(1, 2), "swapped: the row holds entry 2"},
			"two swapped":              {3, swapped(3, 8), "swapped: the row holds entry 8"},
			"the last two swapped":     {seeded - 1, swapped(seeded-1, seeded), "swapped"},
			"one put in before":        {1, append([]ledger.Row{{Seq: 0, Body: rows[0].Body, StoredAt: ten}}, rows...), "inserted before it"},
			"removed, written anew":    {6, rehash(without(6)), "missing before it: event 6 of auth/"},
			"cut off, written anew":    {10, rehash(without(10, 11, 12)), "cut off"},
			"one twice, written anew":  {7, rehash(slices.Insert(slices.Clone(rows), 6, rows[5])), "has reported its event 6 before"},
			"two swapped, written so":  {3, rehash(swapped(3, 8)), "missing before it: event 3"},
			"all but one written anew": {1, rehash(without(1)), "missing before it: event 1"},
		} {
			try(what, c.first, func() {
				o.put(c.rows)
				names(t, p, what, c.first, c.why)
			})
		}
		if out, err := verifies(t, p); err != nil || !strings.Contains(out, "12 entries of 1 logs with 12 signatures") || !strings.Contains(out, "personal fields of 12 entries") {
			t.Errorf("restored: %v\n%s", err, out)
		}
	})
}

// CA A1, A2: an event is put in, or changed, by hand, and every hash fits: it isn't signed by its service.
func TestR52_WrittenByHand(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := seed(t, p)
		o := newOutsider(t, p)
		source, head := w.log(module.Auth).Source, w.log(module.Auth).Head
		thief := func(log *outboxtest.Writer) ledger.Row {
			log.Sign = w.Services.Signer("stranger").Sign // the one key that nobody lists
			s := log.Shipment(t, record.New(ten, "", record.PasswordChanged, record.Success, record.Origin{}))
			return ledger.Row{Body: s.Entries[0].Body, Signature: s.Signature, StoredAt: ten, Class: record.Security}
		}
		at := func(n int64) ledger.Row { return thief(&outboxtest.Writer{Source: source, Head: record.Head{N: n}}) }
		next := func() ledger.Row { return thief(&outboxtest.Writer{Source: source, Head: head}) }
		rows := o.rows()
		changed := func(seq int, change func(r *ledger.Row)) []ledger.Row {
			other := slices.Clone(rows)
			change(&other[seq-1])
			return rehash(other)
		}
		unsigned := next()
		unsigned.Signature = nil
		for what, c := range map[string]struct {
			first int
			rows  []ledger.Row
			why   string
		}{
			"as the next":                 {13, append(slices.Clone(rows), next()), "the key of auth didn't sign"},
			"unsigned":                    {13, append(slices.Clone(rows), unsigned), "signed its log up to its event 12, and this is number 13"},
			"with a number that was":      {13, append(slices.Clone(rows), at(6)), "has reported its event 7 before"},
			"with a number to come":       {13, append(slices.Clone(rows), at(14)), "missing before it: event 13"},
			"in a new log":                {13, append(slices.Clone(rows), thief(w.newLog(module.Auth))), "the key of auth didn't sign"},
			"of a service that isn't one": {13, append(slices.Clone(rows), thief(outboxtest.NewWriter("nobody", nil))), "not to be verified"},
			"in the place of another":     {6, changed(6, func(r *ledger.Row) { *r = at(5) }), "the key of auth didn't sign"},
			"with another's signature":    {6, changed(6, func(r *ledger.Row) { r.Signature = rows[4].Signature }), "the key of auth didn't sign"},
			"with half a signature":       {6, changed(6, func(r *ledger.Row) { r.Signature = r.Signature[:32] }), "the key of auth didn't sign"},
			"without one":                 {12, changed(6, func(r *ledger.Row) { r.Signature = nil }), "written anew"},
			"stored at another time":      {12, changed(6, func(r *ledger.Row) { r.StoredAt = r.StoredAt.Add(1e6) }), "written anew"},
			"under another class":         {6, changed(6, func(r *ledger.Row) { r.Class = record.Activity }), "under another class"},
			"with another's openings":     {6, changed(6, func(r *ledger.Row) { r.Openings = rows[6].Openings }), "personal fields"},
			"with the same person's":      {1, changed(1, func(r *ledger.Row) { r.Openings = rows[1].Openings }), "personal fields"},
			"without openings":            {6, changed(6, func(r *ledger.Row) { r.Openings = nil }), "personal fields"},
			"found under another person":  {6, changed(6, func(r *ledger.Row) { r.Token = rows[6].Token }), "personal fields"},
			"found under nobody":          {6, changed(6, func(r *ledger.Row) { r.Token = nil }), "personal fields"},
			"another's row, whole":        {6, changed(6, func(r *ledger.Row) { r.Token, r.Openings = rows[6].Token, rows[6].Openings }), "personal fields"},
			"a token of another length":   {6, changed(6, func(r *ledger.Row) { r.Token = r.Token[:8] }), "personal fields"},
			"a body of nothing":           {6, changed(6, func(r *ledger.Row) { r.Body = []byte("{}") }), "changed"},
			"a body spelled another way":  {6, changed(6, func(r *ledger.Row) { r.Body = append(slices.Clone(r.Body), ' ') }), "changed"},
			"a body of a field in clear": {6, changed(6, func(r *ledger.Row) {
				r.Body = bytes.Replace(r.Body, []byte(`"data":{`), []byte(`"data":{"account":"x",`), 1)
			}), "changed"},
			"moved to the end, all anew":   {6, rehash(append(slices.Delete(slices.Clone(rows), 5, 6), rows[5])), "missing before it: event 6"},
			"a whole new record, unsigned": {1, rehash([]ledger.Row{at(0)}), "the key of auth didn't sign"},
		} {
			o.put(rehash(c.rows))
			names(t, p, what, c.first, c.why)
			o.restore()
		}
		if out, err := verifies(t, p); err != nil {
			t.Errorf("restored: %v\n%s", err, out)
		}
	})
}

// What is kept beside the entries, and doesn't follow from them: heads of sources moved, keys of persons changed.
func TestR52_WhatStandsBeside(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) {
		w := seed(t, p)
		o := newOutsider(t, p)
		source := w.log(module.Auth).Source
		heads, keys, rows := o.sources(), o.people(), o.rows()
		back := make([]record.Head, seeded)
		for i, r := range rows[:seeded-1] {
			back[i+1] = back[i].Next(r.Body)
		}
		for what, c := range map[string]struct {
			head *record.Head
			why  string
		}{
			"moved back":        {&back[9], "is older than they are"},
			"moved back by one": {&back[seeded-1], "is older than they are"},
			"moved to nothing":  {&back[0], "is older than they are"},
			"moved forward":     {ptr(heads[source].Next([]byte("x"))), "doesn't follow from them"},
			"another hash":      {&record.Head{N: 12}, "doesn't follow from them"},
			"back, and another": {&record.Head{N: 9}, "is older than they are"},
			"taken out":         {nil, "is older than they are"},
		} {
			changed := maps.Clone(heads)
			delete(changed, source)
			if c.head != nil {
				changed[source] = *c.head
			}
			o.setSources(changed)
			names(t, p, what, seeded+1, c.why)
		}
		o.setSources(map[string]record.Head{source: heads[source], "auth/made-up": {N: 3}})
		names(t, p, "one put in", seeded+1, "the head of auth/made-up")
		o.restore()

		mine, other := string(rows[5].Token), string(rows[6].Token)
		for what, change := range map[string]func(map[string][]byte){
			"a person's key taken out":    func(k map[string][]byte) { delete(k, mine) },
			"a person's key altered":      func(k map[string][]byte) { k[mine] = flipped(k[mine]) },
			"a person's key of another's": func(k map[string][]byte) { k[mine] = k[other] },
			"a person's key cut":          func(k map[string][]byte) { k[mine] = k[mine][:3] },
		} {
			changed := maps.Clone(keys)
			change(changed)
			o.setPeople(changed)
			names(t, p, what, 6, "personal fields")
		}
		// Destroyed, as an erasure does it: the record holds, and says how many are erased.
		changed := maps.Clone(keys)
		changed[mine] = []byte{}
		o.setPeople(changed)
		if out, err := verifies(t, p); err != nil || !strings.Contains(out, "personal fields of 11 entries are what they commit to; 1 entries are of persons who were erased") {
			t.Errorf("erased: %v\n%s", err, out)
		}
		// To give somebody else's entry to the erased person, so that nobody finds it any more, is found.
		moved := slices.Clone(rows)
		moved[6].Token = rows[5].Token
		o.put(rehash(moved))
		names(t, p, "hidden behind an erased person", seeded, "written anew")
		moved = slices.Clone(rows)
		moved[6].Token = rows[5].Token
		o.put(moved)
		names(t, p, "hidden, and not hashed", 7, "changed")
		o.restore()
	})
}

func ptr[T any](v T) *T { return &v }

// CA A2: a schema that no version of audit makes is named, and nothing starts on it.
func TestR52_PlantedSchema(t *testing.T) {
	p := onSQLite(t)
	seed(t, p)
	o := newSQLiteOutsider(t, p)
	for name, c := range map[string]struct{ plant, says string }{
		"a trigger that swallows": {`CREATE TRIGGER t BEFORE INSERT ON entries WHEN new.class = 'security' BEGIN SELECT RAISE(IGNORE); END`, "trigger t"},
		"a trigger that invents":  {`CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM verdicts; END`, "trigger t"},
		"a table":                 {`CREATE TABLE hidden (a)`, "table hidden"},
		"a view":                  {`CREATE VIEW v AS SELECT * FROM entries`, "view v"},
		"an index taken out":      {`DROP INDEX entries_person`, "index entries_person is missing"},
		"a column more":           {`ALTER TABLE people ADD COLUMN note TEXT`, "table people is missing or was altered"},
	} {
		o.exec(c.plant)
		before, err := os.ReadFile(o.path)
		if err != nil {
			t.Fatal(err)
		}
		out, err := verifies(t, p)
		if !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), c.says) || !strings.Contains(out, "BAD: ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if err := starts(t, p); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: started: %v", name, err)
		}
		after, err := os.ReadFile(o.path)
		if err != nil || !bytes.Equal(unnumbered(before), unnumbered(after)) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
		o.restore()
	}
}

// unnumbered is a database file without the two numbers that tell caches to read it anew, which count openings for
// writing too (sqlite.org/fileformat2.html §1.3).
func unnumbered(file []byte) []byte {
	file = bytes.Clone(file)
	clear(file[24:28])
	clear(file[92:96])
	return file
}

// TestR52_FlippedBitInTheFile flips bits of the database file itself, below SQLite: in each third byte of a row, and in some
// of the first and of the last.
func TestR52_FlippedBitInTheFile(t *testing.T) {
	p := onSQLite(t)
	seed(t, p)
	o := newSQLiteOutsider(t, p)
	flip := func(copies []int, seq, at int, bit byte) {
		body := bytes.Clone(o.file)
		for _, start := range copies {
			body[start+at] ^= bit
		}
		o.write(body)
		names(t, p, fmt.Sprintf("byte %d of row %d", at, seq), seq, "")
	}
	for seq, step := range map[int]int{1: 29, 6: 3, seeded: 29} {
		copies, length := o.rowInFile(seq)
		for at := 0; at < length; at += step {
			flip(copies, seq, at, 1<<(at%8))
		}
		// Before the values stand the class, the time, and the type and length of each: SQLite itself finds some of these,
		// and then the row is named too; the lowest bit makes bytes of a text, which SQLite and a driver would take.
		for at := -27; at < 0; at++ {
			flip(copies, seq, at, 1)
			flip(copies, seq, at, 0x80)
		}
	}
	o.restore()
	if out, err := verifies(t, p); err != nil {
		t.Errorf("restored: %v\n%s", err, out)
	}
}

// The checkpoint is truncated, garbage, foreign, of another form, older, taken away: named by verify; an audit that is
// started on it says so in the record, isn't ready, and leaves the file as it is.
func TestR52_Checkpoint(t *testing.T) {
	p := onSQLite(t)
	w := seed(t, p)
	path := filepath.Join(p.store.Dir, "checkpoint.json")
	signed := read(t, path)
	elsewhere := onSQLite(t)
	seed(t, elsewhere)
	foreign := read(t, filepath.Join(elsewhere.store.Dir, "checkpoint.json"))
	for name, c := range map[string]struct{ file, says string }{
		"empty":                {"", "no checkpoint that was signed with this key"},
		"truncated":            {signed[:len(signed)/2], "no checkpoint that was signed with this key"},
		"garbage":              {"{\"ver", "no checkpoint that was signed with this key"},
		"of first light":       {`{"seq":12,"hash":"` + strings.Repeat("00", 32) + `","signature":""}`, "no checkpoint that was signed with this key"},
		"foreign":              {foreign, "no checkpoint that was signed with this key"},
		"an earlier seq":       {strings.Replace(signed, `"seq":12`, `"seq":10`, 1), "no checkpoint that was signed with this key"},
		"a hash of two digits": {strings.Replace(signed, `"hash":"`, `"hash":"00`, 1), "no checkpoint that was signed with this key"},
	} {
		write(t, path, c.file)
		out, err := verifies(t, p)
		if !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "checkpoint.json") || !strings.Contains(out, "BAD: ") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	write(t, path, foreign)
	running := unready(t, p)
	running.logs = w.logs // the same services go on
	if err := running.module.Ready(); err == nil || !strings.Contains(err.Error(), "no checkpoint that was signed with this key") {
		t.Errorf("ready: %v", err)
	}
	running.ship(module.Auth, signIn(id.New("acc"))) // what happens is recorded all the same
	running.settle()
	if why := running.gap(); !strings.Contains(why, "checkpoint was not signed") {
		t.Errorf("recorded: %q", why)
	}
	running.Closes = ledger.ErrCheckpoint
	running.Stop()
	if read(t, path) != foreign {
		t.Error("the evidence was written over")
	}
	write(t, path, signed) // an older one of our own: what came after it is signed by its services
	w.mustVerify(seeded + 2)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	names(t, p, "taken away", seeded+3, "no signed checkpoint")
}

// gap is what the record says of a gap in itself.
func (w *world) gap() string {
	w.T.Helper()
	for _, e := range w.everything() {
		if e.Event.Action == record.AuditGap {
			return e.Event.Reason
		}
	}
	return ""
}

func read(t *testing.T, path string) string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func write(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestR52_CutWhileStopped: an audit that is started on a record which lost its end says so in the record itself, isn't
// ready, keeps the checkpoint as evidence, and verification goes on naming it.
func TestR52_CutWhileStopped(t *testing.T) {
	p := onSQLite(t)
	seed(t, p)
	o := newSQLiteOutsider(t, p)
	o.put(o.rows()[:seeded-2])
	w := unready(t, p)
	w.ship(module.Auth, signIns(3, id.New("acc"))...)
	w.settle()
	if why := w.gap(); !strings.Contains(why, "entry 12 is no longer") {
		t.Errorf("recorded: %q", why)
	}
	if err := w.module.Ready(); !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), "move checkpoint.json away") {
		t.Errorf("ready: %v", err)
	}
	names(t, p, "running on", seeded, "written anew")
	w.Closes = audit.ErrTampered // rather than write the last checkpoint over the evidence
	w.Stop()
	names(t, p, "stopped", seeded, "written anew")
}
