package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"centinela/services/audit/internal/firewall"
	"centinela/shared/record"
	"centinela/shared/sqlitex"
)

const verdictColumns = `version, id, kind, subject, action, reason, source, created_at, until, removed, removed_at`

// AddVerdict is firewall.Store's.
func (s *Store) AddVerdict(ctx context.Context, v firewall.Verdict, event record.Event) error {
	err := s.Write(ctx, func(tx *sql.Tx) error {
		version, err := newestVersion(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO verdicts (`+verdictColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)`,
			version+1, v.ID, v.Kind, v.Subject, v.Action, v.Reason, v.Source, sqlitex.Millis(v.CreatedAt), sqlitex.Millis(v.Until))
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

// RemoveVerdict is firewall.Store's.
func (s *Store) RemoveVerdict(ctx context.Context, id string, now time.Time, event func(firewall.Verdict) record.Event) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		found, err := verdicts(ctx, tx, `WHERE id = ? AND removed = 0 AND until > ?`, id, sqlitex.Millis(now))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return firewall.ErrVerdictNotFound
		}
		version, err := newestVersion(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE verdicts SET version = ?, removed = 1, removed_at = ? WHERE id = ?`, version+1, sqlitex.Millis(now), id)
		if err != nil {
			return err
		}
		return sqlitex.AppendOutbox(tx, event(found[0]))
	})
}

// VerdictsBefore is firewall.Store's.
func (s *Store) VerdictsBefore(ctx context.Context, now time.Time, before int64, limit int) ([]firewall.Verdict, error) {
	return verdicts(ctx, s.Read(), `WHERE version < ? AND removed = 0 AND until > ? ORDER BY version DESC LIMIT ?`, before, sqlitex.Millis(now), limit)
}

// Changes is firewall.Store's; one read transaction sees one state.
func (s *Store) Changes(ctx context.Context, now time.Time, since int64) (c firewall.Changes, err error) {
	tx, err := s.Read().BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	if c.Version, err = newestVersion(ctx, tx); err != nil {
		return c, err
	}
	var floor int64
	if err := tx.QueryRowContext(ctx, `SELECT floor FROM verdict_floor`).Scan(&floor); err != nil {
		return c, err
	}
	if since < floor || since < 0 || since > c.Version {
		c.Snapshot, since = true, 0
	}
	found, err := verdicts(ctx, tx, `WHERE version > ? AND (removed = 1 OR until > ?) ORDER BY version`, since, sqlitex.Millis(now))
	if err != nil {
		return c, err
	}
	for _, v := range found {
		switch {
		case !v.Removed:
			c.Verdicts = append(c.Verdicts, v)
		case !c.Snapshot:
			c.Removed = append(c.Removed, v.ID)
		}
	}
	return c, nil
}

// VerdictVersion is firewall.Store's.
func (s *Store) VerdictVersion(ctx context.Context) (int64, error) {
	return newestVersion(ctx, s.Read())
}

// CountVerdicts is firewall.Store's.
func (s *Store) CountVerdicts(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.Read().QueryRowContext(ctx, `SELECT count(*) FROM verdicts WHERE removed = 0 AND until > ?`, sqlitex.Millis(now)).Scan(&n)
	return n, err
}

// SweepVerdicts is firewall.Store's. The row with the newest version stays: it
// is where the version is kept.
func (s *Store) SweepVerdicts(ctx context.Context, now, then time.Time) (n int64, err error) {
	err = s.Write(ctx, func(tx *sql.Tx) error {
		newest, err := newestVersion(ctx, tx)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE verdict_floor SET floor = max(floor, (SELECT coalesce(max(version), 0) FROM verdicts WHERE removed = 1 AND removed_at <= ? AND version < ?))`,
			sqlitex.Millis(then), newest)
		if err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM verdicts WHERE version < ? AND ((removed = 1 AND removed_at <= ?) OR (removed = 0 AND until <= ?))`,
			newest, sqlitex.Millis(then), sqlitex.Millis(now))
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, err
}

func newestVersion(ctx context.Context, q querier) (version int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM verdicts`).Scan(&version)
	return version, err
}

func verdicts(ctx context.Context, q querier, where string, args ...any) (found []firewall.Verdict, err error) {
	rows, err := q.QueryContext(ctx, `SELECT `+verdictColumns+` FROM verdicts `+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var v firewall.Verdict
		var created, until, removedAt int64
		if err := rows.Scan(&v.Version, &v.ID, &v.Kind, &v.Subject, &v.Action, &v.Reason, &v.Source, &created, &until, &v.Removed, &removedAt); err != nil {
			return nil, err
		}
		v.CreatedAt, v.Until, v.RemovedAt = sqlitex.FromMillis(created), sqlitex.FromMillis(until), sqlitex.FromMillis(removedAt)
		found = append(found, v)
	}
	return found, rows.Err()
}
