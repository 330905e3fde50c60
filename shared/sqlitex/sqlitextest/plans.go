package sqlitextest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"centinela/shared/sqlitex"
	"centinela/shared/testkit"
)

// Plans is a context to open stores with; when t ends, each distinct statement
// that they executed is held to the rules:
//
//   - no SCAN of a table (but by a SELECT without a WHERE that ends at its LIMIT, of
//     json_each, and of a table whose key is CHECKed to be 1);
//   - no USE TEMP B-TREE;
//   - no range without an equality before it and without a LIMIT: what it reads, or
//     changes while everybody who writes waits, is for the data to decide;
//   - no foreign key without an index: a plan doesn't show what a deletion does to
//     the tables that refer to it.
//
// allowed is the file of [testkit.Exceptions], by statement.
func Plans(t testing.TB, allowed string) context.Context {
	t.Helper()
	s := &statements{found: map[string]string{}}
	exceptions, err := testkit.ReadExceptions(allowed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.report(t, exceptions) })
	return sqlitex.WithHooks(t.Context(), sqlitex.Hooks{Statement: s.execute})
}

// ours is an exception of sqlitex itself, which every store executes: at most a
// shipment, because what is below was deleted by the ones before.
const ours = "DELETE FROM outbox_log WHERE n <= ?"

// statements are the distinct ones that were executed, with what is wrong with each.
type statements struct {
	sync.Mutex
	found map[string]string
	errs  []error
	keys  sync.Once
}

// unindexed are the columns that refer to another table and begin no index.
const unindexed = `SELECT m.name || '.' || k."from" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) k
	WHERE m.type = 'table' AND k.seq = 0
	AND NOT EXISTS (SELECT 1 FROM pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i WHERE i.seqno = 0 AND i.name = k."from")`

func (s *statements) execute(c driver.QueryerContext, query string, args []driver.NamedValue) {
	text := testkit.Folded(query)
	if !isStatement(text) {
		return
	}
	s.Lock()
	defer s.Unlock()
	if _, known := s.found[text]; known {
		return
	}
	s.keys.Do(func() {
		columns, err := texts(c, unindexed, nil)
		if err != nil {
			s.errs = append(s.errs, err)
		}
		for _, column := range columns {
			s.errs = append(s.errs, fmt.Errorf("%s refers to another table and begins no index: a deletion there reads all of it", column))
		}
	})
	steps, err := explain(c, query, args)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %w", text, err))
		return
	}
	s.found[text] = complaint(text, steps)
}

// isStatement leaves out transactions, pragmas and the schema's own.
func isStatement(text string) bool {
	verb, _, _ := strings.Cut(text, " ")
	return slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"}, verb) && !strings.Contains(text, "schema_migrations") && !strings.Contains(text, "sqlite_master")
}

// explain is the plan's steps (sqlite.org/eqp.html), without scans of tables that
// hold one row.
func explain(c driver.QueryerContext, query string, args []driver.NamedValue) ([]string, error) {
	steps, err := texts(c, "EXPLAIN QUERY PLAN "+query, args)
	if err != nil {
		return nil, err
	}
	small, err := texts(c, `SELECT 'SCAN ' || name FROM sqlite_master WHERE sql LIKE '% INTEGER PRIMARY KEY CHECK (% = 1)%'`, nil)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(steps, func(step string) bool { return slices.Contains(small, step) }), nil
}

// texts is the last column of each row.
func texts(c driver.QueryerContext, query string, args []driver.NamedValue) (all []string, err error) {
	rows, err := c.QueryContext(context.Background(), query, args)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for err == nil {
		if err = rows.Next(row); err == nil {
			all = append(all, fmt.Sprint(row[len(row)-1]))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return all, err
}

// complaint is what is wrong with a plan; "" for nothing.
func complaint(text string, steps []string) string {
	limited := strings.Contains(text, " LIMIT ")
	firstOnes := limited && strings.HasPrefix(text, "SELECT ") && !strings.Contains(text, " WHERE ")
	var wrong []string
	for _, step := range steps {
		switch {
		case strings.HasPrefix(step, "SCAN CONSTANT ROW"), strings.HasPrefix(step, "SCAN json_each"), strings.HasPrefix(step, "SCAN (subquery"):
		case strings.HasPrefix(step, "SCAN "):
			if !firstOnes {
				wrong = append(wrong, step)
			}
		case strings.HasPrefix(step, "USE TEMP B-TREE"):
			wrong = append(wrong, step)
		case strings.HasPrefix(step, "SEARCH ") && !limited && rangeOnly(text, step):
			wrong = append(wrong, step+" without a LIMIT")
		}
	}
	return strings.Join(wrong, "; ")
}

// rangeOnly looks at the terms that stand in parentheses at the end, "(account=? AND
// seq>?)": is there a range, and no equality with what the caller gave? "removed = 1"
// is none.
func rangeOnly(text, step string) bool {
	_, terms, _ := strings.Cut(step, " (")
	for term := range strings.SplitSeq(strings.TrimSuffix(terms, ")"), " AND ") {
		column, equal := strings.CutSuffix(term, "=?")
		if equal && !regexp.MustCompile(`\b`+regexp.QuoteMeta(column)+` = ['0-9]`).MatchString(text) {
			return false
		}
	}
	return strings.ContainsAny(terms, "<>")
}

func (s *statements) report(t testing.TB, exceptions testkit.Exceptions) {
	t.Helper()
	s.Lock()
	defer s.Unlock()
	for _, err := range s.errs {
		t.Error(err)
	}
	wrong := maps.Clone(s.found)
	maps.DeleteFunc(wrong, func(text, why string) bool { return why == "" || text == ours })
	exceptions.Report(t, wrong)
}
