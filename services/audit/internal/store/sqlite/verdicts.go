package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const verdictColumns = `version, body, removed, removed_at`

// AddVerdict is firewall.Store's.
func (s *Store) AddVerdict(ctx context.Context, v firewall.Verdict, event record.Event) error {
	err := s.Write(ctx, func(tx *sql.Tx) error {
		version, body, err := next(ctx, tx, v)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO verdicts (version, id, about, until, body, removed, removed_at) VALUES (?, ?, ?, ?, ?, 0, 0)`,
			version, v.ID, v.About(), sqlitex.Millis(v.Until), body)
		if err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, event)
	})
	if sqlitex.IsUnique(err) {
		return firewall.ErrVerdictExists
	}
	return err
}

// LengthenVerdict is firewall.Store's.
func (s *Store) LengthenVerdict(ctx context.Context, v firewall.Verdict, now time.Time, event func(firewall.Verdict) record.Event) (found bool, err error) {
	err = s.Write(ctx, func(tx *sql.Tx) error {
		inForce, err := verdicts(ctx, tx, `WHERE about = ? AND removed = 0 AND until > ? ORDER BY until DESC LIMIT 1`, v.About(), now)
		if found = len(inForce) > 0; err != nil || !found || !inForce[0].Until.Before(v.Until) {
			return err
		}
		longer := inForce[0]
		longer.Until, longer.Decision, longer.Level = v.Until, v.Decision, longer.Level+1
		version, body, err := next(ctx, tx, longer)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE verdicts SET version = ?, until = ?, body = ? WHERE id = ?`, version, sqlitex.Millis(longer.Until), body, longer.ID); err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, event(longer))
	})
	return found, err
}

// RemoveVerdict is firewall.Store's.
func (s *Store) RemoveVerdict(ctx context.Context, id string, now time.Time, event func(firewall.Verdict) record.Event) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		found, err := verdicts(ctx, tx, `WHERE id = ? AND removed = 0 AND until > ?`, id, now)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return firewall.ErrVerdictNotFound
		}
		_, err = tx.ExecContext(ctx, `UPDATE verdicts SET version = (SELECT max(version) + 1 FROM verdicts), removed = 1, removed_at = ? WHERE id = ?`, sqlitex.Millis(now), id)
		if err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, event(found[0]))
	})
}

// VerdictsBefore is firewall.Store's. The plus signs keep the planner off the index
// by end, which would read and sort all that is in force for each page.
func (s *Store) VerdictsBefore(ctx context.Context, now time.Time, before int64, limit int) ([]firewall.Verdict, error) {
	return verdicts(ctx, s.Read(), `WHERE version < ? AND +removed = 0 AND +until > ? ORDER BY version DESC LIMIT ?`, before, now, limit)
}

// Changes is firewall.Store's.
func (s *Store) Changes(ctx context.Context, since int64, limit int) ([]firewall.Verdict, error) {
	return verdicts(ctx, s.Read(), `WHERE version > ? ORDER BY version LIMIT ?`, since, limit)
}

// VerdictVersions is firewall.Store's. The epoch is the name of the log of the
// firewall's events, which a restore gives another one.
func (s *Store) VerdictVersions(ctx context.Context) (v firewall.Versions, err error) {
	err = s.Read().QueryRowContext(ctx, `SELECT (SELECT coalesce(max(version), 0) FROM verdicts), (SELECT coalesce(max(floor), 0) FROM verdict_floor), (SELECT instance FROM outbox_cursor)`).
		Scan(&v.Newest, &v.Floor, &v.Epoch)
	return v, err
}

// CountVerdicts is firewall.Store's.
func (s *Store) CountVerdicts(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.Read().QueryRowContext(ctx, `SELECT count(*) FROM verdicts WHERE removed = 0 AND until > ?`, sqlitex.Millis(now)).Scan(&n)
	return n, err
}

// SweepVerdicts is firewall.Store's. The row with the newest version stays: it
// is where the version is kept.
func (s *Store) SweepVerdicts(ctx context.Context, now, then time.Time, limit int) (n int, err error) {
	err = s.Write(ctx, func(tx *sql.Tx) error {
		newest, err := newestVersion(ctx, tx)
		if err != nil {
			return err
		}
		var floor sql.NullInt64
		gone := `version IN (SELECT version FROM verdicts WHERE removed = 1 AND removed_at <= ?1 AND version < ?2 ORDER BY removed_at LIMIT ?3)`
		if err := tx.QueryRowContext(ctx, `SELECT max(version) FROM verdicts WHERE `+gone, sqlitex.Millis(then), newest, limit).Scan(&floor); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE verdict_floor SET floor = max(floor, ?)`, floor.Int64); err != nil {
			return err
		}
		removed, err := sqlitex.Exec(ctx, tx, `DELETE FROM verdicts WHERE `+gone, then, newest, limit)
		if err != nil {
			return err
		}
		ended, err := sqlitex.Exec(ctx, tx, `DELETE FROM verdicts WHERE version IN (SELECT version FROM verdicts WHERE removed = 0 AND until <= ? AND version < ? ORDER BY until LIMIT ?)`,
			now, newest, int64(limit)-removed)
		n = int(removed + ended)
		return err
	})
	return n, err
}

// next is the version of the next change, and its text.
func next(ctx context.Context, tx *sql.Tx, v firewall.Verdict) (version int64, body []byte, err error) {
	if version, err = newestVersion(ctx, tx); err == nil {
		body, err = json.Marshal(v.Verdict)
	}
	return version + 1, body, err
}

func newestVersion(ctx context.Context, q querier) (version int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM verdicts`).Scan(&version)
	return version, err
}

func verdicts(ctx context.Context, q querier, where string, args ...any) ([]firewall.Verdict, error) {
	type row struct {
		firewall.Verdict
		body []byte
	}
	rows, err := sqlitex.Collect(ctx, q, func(v *row) []any {
		return []any{&v.Version, &v.body, &v.Removed, sqlitex.At(&v.RemovedAt)}
	}, `SELECT `+verdictColumns+` FROM verdicts `+where, args...)
	if err != nil {
		return nil, err
	}
	all := make([]firewall.Verdict, len(rows))
	for i, v := range rows {
		all[i] = v.Verdict
		if err := json.Unmarshal(v.body, &all[i].Verdict); err != nil {
			return nil, fmt.Errorf("verdict of version %d: %w", v.Version, err)
		}
	}
	return all, nil
}
