package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"centinela/services/audit"
	"centinela/shared/id"
)

const seeded = 12

// seed is a stopped audit with twelve entries, every field of which is filled, and the signed checkpoint of the last.
func seed(t *testing.T, at place) {
	t.Helper()
	w := newWorld(t, at, asItIs)
	for range seeded {
		w.ingest("auth", signIn(id.New("acc")))
	}
	w.Stop()
	w.mustVerify(seeded)
}

// names holds when verification, run from outside, says that seq is the first bad entry.
func names(t *testing.T, p place, what string, seq int) {
	t.Helper()
	out, err := verifies(t, p)
	if !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), fmt.Sprintf("entry %d:", seq)) || !strings.Contains(out, fmt.Sprintf("BAD: entry %d:", seq)) {
		t.Errorf("%s: want entry %d, got %v\n%s", what, seq, err, out)
	}
}

// outsider changes a stopped audit's store with the means that the machine's owner has.
type outsider interface {
	columns() []string
	flip(seq int, column string) // one bit of the value
	remove(seqs ...int)
	swap(a, b int)
	cunning() map[string]func(seq int) // changes that leave every value as it was
	restore()
}

// TestR52_VerifyNamesTheFirstBadEntry tampers from outside with the store of an audit that is stopped, on both engines:
// a flipped bit in any column, a removed row, two swapped rows, a cut-off end.
func TestR52_VerifyNamesTheFirstBadEntry(t *testing.T) {
	for engine, somewhere := range engines {
		t.Run(engine, func(t *testing.T) {
			p := somewhere(t)
			seed(t, p)
			var o outsider
			if engine == "mongodb" {
				o = newMongoOutsider(t, p)
			} else {
				o = newSQLiteOutsider(t, p)
			}
			try := func(what string, first int, change func()) {
				t.Helper()
				change()
				names(t, p, what, first)
				o.restore()
			}
			if n := len(o.columns()); n != 18 {
				t.Errorf("%d columns", n)
			}
			for _, column := range o.columns() {
				for _, seq := range []int{1, 6, seeded} {
					try(fmt.Sprintf("%s of %d", column, seq), seq, func() { o.flip(seq, column) })
				}
			}
			for what, change := range o.cunning() {
				for _, seq := range []int{1, 6, seeded} {
					try(fmt.Sprintf("%s of %d", what, seq), seq, func() { change(seq) })
				}
			}
			try("the first removed", 1, func() { o.remove(1) })
			try("one in the middle removed", 6, func() { o.remove(6) })
			try("two removed", 4, func() { o.remove(4, 9) })
			try("the last removed", seeded, func() { o.remove(seeded) })
			try("the last three cut off", seeded-2, func() { o.remove(seeded-2, seeded-1, seeded) })
			try("the first two swapped", 1, func() { o.swap(1, 2) })
			try("two swapped", 3, func() { o.swap(3, 8) })
			try("the last two swapped", seeded-1, func() { o.swap(seeded-1, seeded) })
			var all []int
			for seq := range seeded {
				all = append(all, seq+1)
			}
			try("all removed", 1, func() { o.remove(all...) })

			checkpoint := filepath.Join(p.store.Dir, "checkpoint.json")
			signed, err := os.ReadFile(checkpoint)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(checkpoint); err != nil {
				t.Fatal(err)
			}
			names(t, p, "the checkpoint removed", seeded+1)
			forged := bytes.Replace(signed, []byte(`"seq":12`), []byte(`"seq":10`), 1)
			if err := os.WriteFile(checkpoint, forged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := verifies(t, p); !errors.Is(err, audit.ErrTampered) || !strings.Contains(err.Error(), "not signed") {
				t.Errorf("a forged checkpoint: %v", err)
			}
			if err := os.WriteFile(checkpoint, signed, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := verifies(t, p); err != nil {
				t.Errorf("restored: %v\n%s", err, out)
			}
		})
	}
}

// TestR52_CutWhileStopped: an audit that is started on a record which lost its end says so in the record itself, keeps
// the checkpoint as evidence, and verification goes on naming it.
func TestR52_CutWhileStopped(t *testing.T) {
	p := onSQLite(t)
	seed(t, p)
	o := newSQLiteOutsider(t, p)
	o.remove(seeded-1, seeded)
	w := newWorld(t, p, asItIs)
	w.ingest("auth", signIn(id.New("acc")), signIn(id.New("acc")), signIn(id.New("acc")))
	entries, err := w.backend.Entries(t.Context(), seeded-1, 1)
	if err != nil || len(entries) != 1 || entries[0].Event.Action != "audit.gap" || !strings.Contains(entries[0].Event.Reason, "entry 12 is no longer") {
		t.Errorf("%+v, %v", entries, err)
	}
	names(t, p, "running on", seeded)
	w.Closes = audit.ErrTampered // rather than write the last checkpoint over the evidence
	w.Stop()
	names(t, p, "stopped", seeded)
}

// TestR52_FlippedBitInTheFile flips bits of the database file itself, below SQLite: in every byte of a row, and in some
// of the first and of the last.
func TestR52_FlippedBitInTheFile(t *testing.T) {
	p := onSQLite(t)
	seed(t, p)
	o := newSQLiteOutsider(t, p)
	for seq, step := range map[int]int{1: 7, 6: 1, seeded: 7} {
		copies, length := o.rowInFile(seq)
		for at := 0; at < length; at += step {
			body := bytes.Clone(o.file)
			for _, start := range copies {
				body[start+at] ^= 1 << (at % 8)
			}
			o.write(body)
			names(t, p, fmt.Sprintf("byte %d of row %d", at, seq), seq)
		}
		// Before the values stands the type and length of each: SQLite itself finds some of these, and then the row is
		// named too; the lowest bit makes bytes of a text, which SQLite and a driver would take.
		for at := -15; at < 0; at++ {
			for _, bit := range []byte{1, 0x80} {
				body := bytes.Clone(o.file)
				for _, start := range copies {
					body[start+at] ^= bit
				}
				o.write(body)
				names(t, p, fmt.Sprintf("byte %d of row %d", at, seq), seq)
			}
		}
	}
	o.restore()
	if out, err := verifies(t, p); err != nil {
		t.Errorf("restored: %v\n%s", err, out)
	}
}
