package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/store/sqlite"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
)

// tamper changes the store behind the service's back.
func tamper(t *testing.T, store *sqlite.Store, statements ...string) {
	t.Helper()
	err := store.Write(t.Context(), func(tx *sql.Tx) error {
		for _, statement := range statements {
			result, err := tx.Exec(statement)
			if err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return fmt.Errorf("%s: no row, %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// plant executes any statement.
func plant(t *testing.T, store *sqlite.Store, statement string) error {
	t.Helper()
	return store.Write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(statement); return err })
}

func tenEntries(t *testing.T) (*sqlite.Store, *ledger.Checkpoint) {
	t.Helper()
	store := openStore(t)
	tenMore(t, newLedger(t, store))
	return store, pinned(t, store)
}

// tenMore are ten rows, every field of which is filled.
func tenMore(t *testing.T, b *book) {
	t.Helper()
	for range 10 {
		e := event()
		e.Data = record.Data{"method": "password"}
		e.Account, e.Session, e.Target, e.Address, e.Device, e.UserAgent, e.RequestID, e.Reason = "a", "b", "c", "d", "e", "f", "g", "h"
		add(t, b, e)
	}
}

// R5.2: verification names the first bad entry for a change of any column.
func TestVerifyFindsAFlippedBitInEveryColumn(t *testing.T) {
	columns := map[string]string{
		"seq": "seq + 1000", "stored_at": "stored_at + 1", "class": "'activity'", "token": "x'00112233445566778899aabbccddeeff'",
		"body": "CAST(replace(CAST(body AS TEXT), 'password', 'passwort') AS BLOB)", "openings": "CAST(x'00' || openings AS BLOB)", "signature": "x''",
		"prev_hash": "zeroblob(32)", "hash": "zeroblob(32)",
	}
	store, _ := tenEntries(t)
	rows, err := store.Read().QueryContext(t.Context(), `SELECT name FROM pragma_table_info('entries')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // a test's read
	n := 0
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if n++; columns[name] == "" {
			t.Errorf("no change of %s", name)
		}
	}
	if err := rows.Err(); err != nil || n != len(columns) {
		t.Fatalf("%d columns, %v", n, err)
	}
	for name, change := range columns {
		t.Run(name, func(t *testing.T) {
			store, pin := tenEntries(t)
			tamper(t, store, fmt.Sprintf("UPDATE entries SET %s = %s WHERE seq = 4", name, change))
			if report := verify(t, store, pin); report.Bad != 4 || report.Checked != 3 {
				t.Errorf("%+v", report)
			}
		})
	}
}

const putIn = `stored_at, class, token, body, openings, signature, prev_hash, hash FROM entries WHERE seq = `

// R5.2: removed, swapped, inserted, cut off, written anew, unreadable.
func TestVerifyFindsAlteredRows(t *testing.T) {
	for name, test := range map[string]struct {
		sql []string
		bad int64
		why string
	}{
		"removed":                  {[]string{"DELETE FROM entries WHERE seq = 5"}, 5, "removed"},
		"first removed":            {[]string{"DELETE FROM entries WHERE seq = 1"}, 1, "removed"},
		"several removed":          {[]string{"DELETE FROM entries WHERE seq BETWEEN 3 AND 6"}, 3, "removed"},
		"neighbours":               {[]string{"UPDATE entries SET seq = -1 WHERE seq = 6", "UPDATE entries SET seq = 6 WHERE seq = 7", "UPDATE entries SET seq = 7 WHERE seq = -1"}, 6, "swapped: the row holds entry 7"},
		"far apart":                {[]string{"UPDATE entries SET seq = -1 WHERE seq = 2", "UPDATE entries SET seq = 2 WHERE seq = 9", "UPDATE entries SET seq = 9 WHERE seq = -1"}, 2, "swapped: the row holds entry 9"},
		"cut off":                  {[]string{"DELETE FROM entries WHERE seq > 7"}, 8, "cut off"},
		"newest cut off":           {[]string{"DELETE FROM entries WHERE seq = 10"}, 10, "cut off"},
		"all cut off":              {[]string{"DELETE FROM entries"}, 1, "cut off"},
		"removed and renumbered":   {[]string{"DELETE FROM entries WHERE seq = 5", "UPDATE entries SET seq = -seq WHERE seq > 5", "UPDATE entries SET seq = -seq - 1 WHERE seq < 0"}, 5, "swapped"},
		"first two swapped":        {[]string{"UPDATE entries SET seq = -1 WHERE seq = 1", "UPDATE entries SET seq = 1 WHERE seq = 2", "UPDATE entries SET seq = 2 WHERE seq = -1"}, 1, "swapped: the row holds entry 2"},
		"last two swapped":         {[]string{"UPDATE entries SET seq = -1 WHERE seq = 9", "UPDATE entries SET seq = 9 WHERE seq = 10", "UPDATE entries SET seq = 10 WHERE seq = -1"}, 9, "swapped: the row holds entry 10"},
		"put in before":            {[]string{"INSERT INTO entries SELECT -7, " + putIn + "1"}, 1, "inserted before it: a row -7"},
		"put in at zero":           {[]string{"INSERT INTO entries SELECT 0, " + putIn + "1"}, 1, "inserted before it: a row 0"},
		"put in behind":            {[]string{"INSERT INTO entries SELECT 11, " + putIn + "1"}, 11, "changed"},
		"a body spelled otherwise": {[]string{`UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), ',', ', ') AS BLOB) WHERE seq = 3`}, 3, "changed"},
		"a body of another type":   {[]string{"PRAGMA writable_schema = ON", "UPDATE entries SET body = x'' WHERE seq = 3"}, 3, "changed"},
		"another's token":          {[]string{"UPDATE entries SET token = x'00112233445566778899aabbccddeeff' WHERE seq = 3"}, 3, "changed"},
		"no token":                 {[]string{"UPDATE entries SET token = x'' WHERE seq = 3"}, 3, "changed"},
		"openings of another":      {[]string{"UPDATE entries SET openings = (SELECT openings FROM entries WHERE seq = 4) WHERE seq = 3"}, 3, "personal fields"},
		"no openings":              {[]string{"UPDATE entries SET openings = x'' WHERE seq = 3"}, 3, "personal fields"},
		"the person's key gone":    {[]string{"DELETE FROM people"}, 1, "personal fields"},
		"the person's key":         {[]string{"UPDATE people SET wrapped = x'00112233445566778899aabbccddeeff'"}, 1, "personal fields"},
		"a short hash":             {[]string{"UPDATE entries SET hash = x'00' WHERE seq = 3"}, 3, "changed"},
		"a time too large":         {[]string{"UPDATE entries SET stored_at = 9223372036854775807 WHERE seq = 3"}, 3, "changed"},
		"a source's number":        {[]string{"UPDATE sources SET n = n + 1"}, 11, "doesn't follow"},
		"a source's hash":          {[]string{"UPDATE sources SET hash = zeroblob(32)"}, 11, "doesn't follow"},
		"a source gone":            {[]string{"DELETE FROM sources"}, 11, "is older"},
		"a source too many":        {[]string{"INSERT INTO sources VALUES ('auth/x', 1, zeroblob(32))"}, 11, "doesn't follow"},
		"the sources' row":         {[]string{"UPDATE sources_seq SET seq = 20"}, 11, "cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			store, pin := tenEntries(t)
			for _, statement := range test.sql {
				if err := plant(t, store, statement); err != nil {
					t.Fatal(err)
				}
			}
			report := verify(t, store, pin)
			if report.Bad != test.bad || !strings.Contains(report.Why, test.why) {
				t.Errorf("%+v, want %d: %s", report, test.bad, test.why)
			}
		})
	}
}

// CA A1: whoever can write to the database can't invent an event: he can't sign
// for its service. Each row here has a hash that fits.
func TestVerifyFindsInventedEvents(t *testing.T) {
	forger := ed25519.NewKeyFromSeed([]byte(strings.Repeat("f", ed25519.SeedSize)))
	for name, c := range map[string]struct {
		forge func(b *book) record.Shipment
		why   string
	}{
		"as the next of a source": {func(b *book) record.Shipment {
			return (&outboxtest.Writer{Source: b.writer.Source, Sign: outboxtest.Signing(forger), Head: b.writer.Head}).Shipment(t, event())
		}, "didn't sign"},
		"unsigned": {func(b *book) record.Shipment {
			s := (&outboxtest.Writer{Source: b.writer.Source, Sign: outboxtest.Signing(forger), Head: b.writer.Head}).Shipment(t, event())
			s.Signature = nil
			return s
		}, "signed its log up to its event 10"},
		"of a new source": {func(*book) record.Shipment {
			return outboxtest.NewWriter("auth", outboxtest.Signing(forger)).Shipment(t, event())
		}, "didn't sign"},
		"with a number that was": {func(b *book) record.Shipment {
			return (&outboxtest.Writer{Source: b.writer.Source, Sign: outboxtest.Signing(forger), Head: record.Head{N: 6}}).Shipment(t, event())
		}, "has reported its event 7 before"},
		"with a number to come": {func(b *book) record.Shipment {
			return (&outboxtest.Writer{Source: b.writer.Source, Sign: outboxtest.Signing(forger), Head: record.Head{N: 11}}).Shipment(t, event())
		}, "missing before it: event 11"},
		"of an unknown service": {func(*book) record.Shipment {
			return outboxtest.NewWriter("stranger", outboxtest.Signing(forger)).Shipment(t, event())
		}, "not to be verified"},
	} {
		t.Run(name, func(t *testing.T) {
			store := openStore(t)
			b := newLedger(t, store)
			tenMore(t, b)
			s := c.forge(b)
			if err := ledger.Forge(t.Context(), store, keeper(store), s); err != nil {
				t.Fatal(err)
			}
			if report := verify(t, store, pinned(t, store)); report.Bad != 11 || report.Checked != 10 || !strings.Contains(report.Why, c.why) {
				t.Errorf("%+v, want %s", report, c.why)
			}
		})
	}
}

// The service that is spoken for finds out as well: its next event doesn't fit, its
// log goes on under another name, and the record says so (shared/outbox).
func TestInventedEventIsFoundOutByItsSource(t *testing.T) {
	store := openStore(t)
	b := newLedger(t, store)
	add(t, b, event())
	forged := (&outboxtest.Writer{Source: b.writer.Source, Sign: outboxtest.Signing(serviceKey), Head: b.writer.Head}).Shipment(t, event())
	if err := ledger.Forge(t.Context(), store, keeper(store), forged); err != nil {
		t.Fatal(err)
	}
	s := b.writer.Shipment(t, event())
	if held, err := b.Ingest(t.Context(), s); err != nil || held == s.Head || held.N != 2 {
		t.Errorf("held %+v, %v", held, err)
	}
}

// Whoever replaces a row also computes its hash: the row after it was made for
// another one, and says so. The first bad entry is the replaced one.
func TestVerifyNamesAReplacedRow(t *testing.T) {
	for _, seq := range []int64{1, 4, 9, 10} {
		// In one shipment: the service has signed the last entry only, and the chain speaks for the others.
		store := openStore(t)
		list := events(10)
		for i := range list {
			list[i].Data = record.Data{"method": "password"}
		}
		add(t, newLedger(t, store), list...)
		pin := pinned(t, store)
		rows, err := store.Rows(t.Context(), seq, 1)
		if err != nil {
			t.Fatal(err)
		}
		row := rows[0]
		row.Body = bytes.Replace(row.Body, []byte("password"), []byte("passwort"), 1)
		ledger.Rehash(&row)
		tamper(t, store, fmt.Sprintf("UPDATE entries SET body = x'%x', hash = x'%s' WHERE seq = %d", row.Body, row.Hash, seq))
		replaced := "replaced, with a hash that fits"
		if seq == 10 {
			replaced = "written anew" // nothing comes after it, and the checkpoint knows
		}
		if report := verify(t, store, pin); report.Bad != seq || report.Checked != seq-1 || report.Head.Seq != seq-1 || !strings.Contains(report.Why, replaced) {
			t.Errorf("%d: %+v", seq, report)
		}
		if seq == 9 || seq == 10 {
			continue // without a checkpoint only the signature of the last speaks
		}
		if report := verify(t, store, nil); report.Bad != seq || !strings.Contains(report.Why, replaced) {
			t.Errorf("%d, without a checkpoint: %+v", seq, report)
		}
	}
}

// A row that was made for another one before it, and that no row after it was made for, is the bad one itself.
func TestVerifyNamesAnUnboundRow(t *testing.T) {
	for _, seq := range []int64{2, 5, 10} {
		store, pin := tenEntries(t)
		rows, err := store.Rows(t.Context(), seq, 1)
		if err != nil {
			t.Fatal(err)
		}
		row := rows[0]
		row.PrevHash = record.Hash{}
		ledger.Rehash(&row)
		tamper(t, store, fmt.Sprintf("UPDATE entries SET prev_hash = zeroblob(32), hash = x'%s' WHERE seq = %d", row.Hash, seq))
		for _, pin := range []*ledger.Checkpoint{pin, nil} {
			if report := verify(t, store, pin); report.Bad != seq || report.Checked != seq-1 || !strings.Contains(report.Why, "not bound to the entry before it") {
				t.Errorf("%d, %+v: %+v", seq, pin, report)
			}
		}
	}
}

// A chain that was made anew from some entry on fits itself; only the signed checkpoint tells.
func TestVerifyFindsARecordWrittenAnew(t *testing.T) {
	store := openStore(t)
	b := newLedger(t, store)
	tenMore(t, b)
	pin := pinned(t, store)
	tamper(t, store, "DELETE FROM entries WHERE seq > 6", "DELETE FROM sources", "UPDATE sources_seq SET seq = 0")
	again := newLedger(t, store)
	for range 6 {
		add(t, again, event())
	}
	if report := verify(t, store, pinned(t, store)); report.Bad != 0 {
		t.Fatalf("the new chain doesn't fit itself: %+v", report)
	}
	if report := verify(t, store, pin); report.Bad != 10 || !strings.Contains(report.Why, "written anew") {
		t.Errorf("%+v", report)
	}
}

func TestVerifyGoodRecords(t *testing.T) {
	empty := openStore(t)
	if report := verify(t, empty, nil); report.Bad != 0 || report.Checked != 0 {
		t.Errorf("empty: %+v", report)
	}
	store, pin := tenEntries(t)
	add(t, newLedger(t, store), event()) // after the checkpoint
	if report := verify(t, store, pin); report.Bad != 0 || report.Checked != 11 {
		t.Errorf("whole: %+v", report)
	}
	if report := verify(t, store, nil); report.Bad != 12 || !strings.Contains(report.Why, "no signed checkpoint") {
		t.Errorf("without a checkpoint: %+v", report)
	}
}
