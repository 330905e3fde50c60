package ledger_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/store/sqlite"
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

func tenEntries(t *testing.T) (*sqlite.Store, *ledger.Checkpoint) {
	t.Helper()
	store := openStore(t)
	l := newLedger(store)
	for range 10 {
		e := event()
		e.Data = record.Data{"method": "password"}
		e.Account, e.Session, e.Target, e.Address, e.Device, e.UserAgent, e.RequestID, e.Reason = "a", "b", "c", "d", "e", "f", "g", "h"
		add(t, l, e)
	}
	return store, pinned(t, store)
}

// R5.2: verification names the first bad entry for a change of any column.
func TestVerifyFindsAFlippedBitInEveryColumn(t *testing.T) {
	store, _ := tenEntries(t)
	rows, err := store.Read().QueryContext(t.Context(), `SELECT name, type FROM pragma_table_info('entries')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // a test's read
	columns := map[string]string{}
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			t.Fatal(err)
		}
		columns[name] = typ
	}
	if len(columns) != 18 {
		t.Fatalf("%d columns", len(columns))
	}
	for name, typ := range columns {
		t.Run(name, func(t *testing.T) {
			store, pin := tenEntries(t)
			change := map[string]string{"INTEGER": name + " + 1000", "TEXT": name + " || 'x'", "BLOB": "x'" + strings.Repeat("ab", 32) + "'"}[typ]
			tamper(t, store, fmt.Sprintf("UPDATE entries SET %s = %s WHERE seq = 4", name, change))
			if report := verify(t, store, pin); report.Bad != 4 || report.Checked != 3 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// R5.2: removed, swapped, inserted, cut off, written anew, unreadable.
func TestVerifyFindsAlteredRows(t *testing.T) {
	for name, test := range map[string]struct {
		sql []string
		bad int64
		why string
	}{
		"removed":                {[]string{"DELETE FROM entries WHERE seq = 5"}, 5, "removed"},
		"first removed":          {[]string{"DELETE FROM entries WHERE seq = 1"}, 1, "removed"},
		"several removed":        {[]string{"DELETE FROM entries WHERE seq BETWEEN 3 AND 6"}, 3, "removed"},
		"neighbours":             {[]string{"UPDATE entries SET seq = -1 WHERE seq = 6", "UPDATE entries SET seq = 6 WHERE seq = 7", "UPDATE entries SET seq = 7 WHERE seq = -1"}, 6, "swapped: the row holds entry 7"},
		"far apart":              {[]string{"UPDATE entries SET seq = -1 WHERE seq = 2", "UPDATE entries SET seq = 2 WHERE seq = 9", "UPDATE entries SET seq = 9 WHERE seq = -1"}, 2, "swapped: the row holds entry 9"},
		"cut off":                {[]string{"DELETE FROM entries WHERE seq > 7"}, 8, "cut off"},
		"newest cut off":         {[]string{"DELETE FROM entries WHERE seq = 10"}, 10, "cut off"},
		"all cut off":            {[]string{"DELETE FROM entries"}, 1, "cut off"},
		"removed and renumbered": {[]string{"DELETE FROM entries WHERE seq = 5", "UPDATE entries SET seq = -seq WHERE seq > 5", "UPDATE entries SET seq = -seq - 1 WHERE seq < 0"}, 5, "swapped"},
		"first two swapped":      {[]string{"UPDATE entries SET seq = -1 WHERE seq = 1", "UPDATE entries SET seq = 1 WHERE seq = 2", "UPDATE entries SET seq = 2 WHERE seq = -1"}, 1, "swapped: the row holds entry 2"},
		"last two swapped":       {[]string{"UPDATE entries SET seq = -1 WHERE seq = 9", "UPDATE entries SET seq = 9 WHERE seq = 10", "UPDATE entries SET seq = 10 WHERE seq = -1"}, 9, "swapped: the row holds entry 10"},
		"put in before":          {[]string{`INSERT INTO entries SELECT -7, 'evt_put_in', time, service, action, outcome, account, session, target, address, device, user_agent, request_id, reason, data, prev_hash, hash, stored_at FROM entries WHERE seq = 1`}, 1, "inserted before it: a row -7"},
		"put in at zero":         {[]string{`INSERT INTO entries SELECT 0, 'evt_put_in', time, service, action, outcome, account, session, target, address, device, user_agent, request_id, reason, data, prev_hash, hash, stored_at FROM entries WHERE seq = 1`}, 1, "inserted before it: a row 0"},
		"put in behind":          {[]string{`INSERT INTO entries SELECT 11, 'evt_put_in', time, service, action, outcome, account, session, target, address, device, user_agent, request_id, reason, data, prev_hash, hash, stored_at FROM entries WHERE seq = 1`}, 11, "changed"},
		"data spelled otherwise": {[]string{`UPDATE entries SET data = '{"method": "password"}' WHERE seq = 3`}, 3, "changed"},
		"data escaped otherwise": {[]string{`UPDATE entries SET data = '{"method":"p\u0061ssword"}' WHERE seq = 3`}, 3, "changed"},
		"data with a name twice": {[]string{`UPDATE entries SET data = '{"method":"code","method":"password"}' WHERE seq = 3`}, 3, "changed"},
		"data not JSON":          {[]string{"UPDATE entries SET data = '{' WHERE seq = 3"}, 3, "changed"},
		"data of numbers":        {[]string{`UPDATE entries SET data = '{"a":1}' WHERE seq = 3`}, 3, "changed"},
		"not UTF-8":              {[]string{"UPDATE entries SET reason = CAST(x'ff' AS TEXT) WHERE seq = 3"}, 3, "changed"},
		"a short hash":           {[]string{"UPDATE entries SET hash = x'00' WHERE seq = 3"}, 3, "changed"},
		"a time too large":       {[]string{"UPDATE entries SET time = 9223372036854775807 WHERE seq = 3"}, 3, "changed"},
	} {
		t.Run(name, func(t *testing.T) {
			store, pin := tenEntries(t)
			tamper(t, store, test.sql...)
			report := verify(t, store, pin)
			if report.Bad != test.bad || !strings.Contains(report.Why, test.why) {
				t.Errorf("%+v, want %d: %s", report, test.bad, test.why)
			}
		})
	}
}

// Whoever replaces a row also computes its hash: the row after it was made for
// another one, and says so. The first bad entry is the replaced one.
func TestVerifyNamesAReplacedRow(t *testing.T) {
	for _, seq := range []int64{1, 4, 9, 10} {
		store, pin := tenEntries(t)
		rows, err := store.Entries(t.Context(), 1, 10)
		if err != nil {
			t.Fatal(err)
		}
		// A record of the same beginning gives the forger all but the checkpoint.
		forgery := openStore(t)
		l := newLedger(forgery)
		for _, e := range rows[:seq-1] {
			add(t, l, e.Event)
		}
		forged := rows[seq-1].Event
		forged.Reason = "another one"
		add(t, l, forged)
		head, err := forgery.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tamper(t, store, fmt.Sprintf("UPDATE entries SET reason = 'another one', hash = x'%s' WHERE seq = %d", head.Hash, seq))
		if report := verify(t, store, pin); report.Bad != seq || report.Checked != seq-1 || report.Head.Seq != seq-1 {
			t.Errorf("%d: %+v", seq, report)
		}
	}
}

// A chain that was made anew from some entry on fits itself; only the signed checkpoint tells.
func TestVerifyFindsARecordWrittenAnew(t *testing.T) {
	store, pin := tenEntries(t)
	tamper(t, store, "DELETE FROM entries WHERE seq > 6")
	l := newLedger(store)
	for range 6 {
		add(t, l, event())
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
	add(t, newLedger(store), event()) // after the checkpoint
	if report := verify(t, store, pin); report.Bad != 0 || report.Checked != 11 {
		t.Errorf("whole: %+v", report)
	}
	report, err := ledger.Verify(t.Context(), store, 8, pin)
	if err != nil || report.Bad != 0 || report.Checked != 4 {
		t.Errorf("from 8: %+v, %v", report, err)
	}
	if report := verify(t, store, nil); report.Bad != 12 || !strings.Contains(report.Why, "no signed checkpoint") {
		t.Errorf("without a checkpoint: %+v", report)
	}
}
