package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	_ "modernc.org/sqlite" // registers the driver that writes auth's file while auth is down

	"centinela/openapi/sdk"
	"centinela/shared/module"
)

const (
	sweptRows = 100_000
	// sweepTime is how long it may take until a sweep has taken all away.
	sweepTime = 5 * time.Minute
	// agedBy is longer than a session may live, and than ended ones are kept.
	agedBy = 400 * 24 * time.Hour
)

// measureSweep lets auth find very many sessions whose time is over, and measures how long somebody's write of one row
// (a new name for a token: refresh) waits at most while they are swept; beside it, the longest wait when nothing is.
func measureSweep(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.newSplit(ctx, "sweep", module.Audit, module.Auth, module.Gateway)
	if err != nil {
		return nil, err
	}
	b.atEnd(s.stop)
	old, err := s.visitors(ctx, 1)
	if err != nil {
		return nil, err
	}
	if err := s.Process(module.Auth).Terminate(); err != nil {
		return nil, err
	}
	n := b.pick(sweptRows, sweptRows/5)
	b.say("writing %d sessions", n)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.Data, module.Auth, "auth.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := copyRow(ctx, db, "sessions", n); err != nil {
		return nil, fmt.Errorf("copy a session of %s: %w", old[0].name, err)
	}
	if err := s.Restart(ctx, module.Auth); err != nil {
		return nil, err
	}
	client, err := sdk.New(s.URL)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdle()
	// Time travels before anybody signs in, so that the sweeper's next look finds them over, and this session isn't.
	if _, err := client.Dev().Advance(ctx, agedBy); err != nil {
		return nil, err
	}
	session, err := client.SignIn(ctx, old[0].name, password)
	if err != nil {
		return nil, err
	}
	if err := s.renew(ctx, module.Auth); err != nil { // it sweeps some time after its start
		return nil, err
	}
	during, err := longestRefresh(ctx, session, sweepTime, func() (bool, error) {
		var left int
		err := db.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM sessions LIMIT 11)`).Scan(&left)
		return left <= 10, err
	})
	if err != nil {
		return nil, err
	}
	ended := time.Now().Add(time.Duration(b.pick(5, 2)) * time.Second)
	after, err := longestRefresh(ctx, session, sweepTime, func() (bool, error) { return time.Now().After(ended), nil })
	if err != nil {
		return nil, err
	}
	return []row{{
		name: fmt.Sprintf("sweep: longest wait of a one-row write while %d go", n), unit: "ms", ours: micros(during) / 1000, baseline: micros(after) / 1000,
		goal: goal{limit: 500},
	}}, nil
}

// copyRow copies the table's one row n times, each time with other values in the columns that must differ.
func copyRow(ctx context.Context, db *sql.DB, table string, n int) error {
	var names []string
	rows, err := db.QueryContext(ctx, `SELECT name, name IN (SELECT c.name FROM pragma_index_list(?1) i, pragma_index_info(i.name) c WHERE i."unique" = 1)
		FROM pragma_table_info(?1)`, table)
	if err != nil {
		return err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var name string
		var differs bool
		if err := rows.Scan(&name, &differs); err != nil {
			return err
		}
		names = append(names, name)
		if differs {
			name = "substr(" + name + " || printf('_%09d', i), -length(" + name + "))"
		}
		values = append(values, name)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	//nolint:gosec // the names are the schema's
	_, err = db.ExecContext(ctx, `WITH RECURSIVE numbers(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM numbers WHERE i < ?)
		INSERT INTO `+table+` (`+strings.Join(names, ", ")+`) SELECT `+strings.Join(values, ", ")+` FROM numbers, (SELECT * FROM `+table+` LIMIT 1)`, n)
	return err
}

// longestRefresh refreshes a session again and again until done, and returns the longest that one took.
func longestRefresh(ctx context.Context, session *sdk.Session, most time.Duration, done func() (bool, error)) (longest time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		if over, err := done(); over || err != nil {
			return longest, err
		}
		began := time.Now()
		if err := session.Refresh(ctx); err != nil {
			return longest, fmt.Errorf("refresh after %s: %w", time.Since(began), err)
		}
		longest = max(longest, time.Since(began))
	}
}
