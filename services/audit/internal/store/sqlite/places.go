package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"centinela/services/audit/internal/places"
	"centinela/shared/sqlitex"
)

// RecordVisits is places.Store's.
func (s *Store) RecordVisits(ctx context.Context, visits []places.Visit) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		changed := make(map[[2]string]places.Place) // each is read and written once
		for _, v := range visits {
			key := [2]string{v.Account, v.Network}
			p, known := changed[key]
			if !known {
				var err error
				if p, err = place(ctx, tx, v.Account, v.Network); err != nil && !errors.Is(err, places.ErrUnknownPlace) {
					return err
				}
			}
			if p, isNew := v.Apply(p); isNew {
				changed[key] = p
			}
		}
		for _, p := range changed {
			_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO places (account, network, first_seen, last_seen, count, seq) VALUES (?, ?, ?, ?, ?, ?)`,
				p.Account, p.Network, sqlitex.Millis(p.FirstSeen), sqlitex.Millis(p.LastSeen), p.Count, p.Seq)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Place is places.Store's.
func (s *Store) Place(ctx context.Context, account, network string) (places.Place, error) {
	return place(ctx, s.Read(), account, network)
}

func place(ctx context.Context, q querier, account, network string) (places.Place, error) {
	p := places.Place{Account: account, Network: network}
	var first, last int64
	err := q.QueryRowContext(ctx, `SELECT first_seen, last_seen, count, seq FROM places WHERE account = ? AND network = ?`, account, network).
		Scan(&first, &last, &p.Count, &p.Seq)
	if errors.Is(err, sql.ErrNoRows) {
		return places.Place{}, places.ErrUnknownPlace
	}
	if err != nil {
		return places.Place{}, err
	}
	p.FirstSeen, p.LastSeen = sqlitex.FromMillis(first), sqlitex.FromMillis(last)
	return p, nil
}

// HasPlaces is places.Store's.
func (s *Store) HasPlaces(ctx context.Context, account string) (has bool, err error) {
	err = s.Read().QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM places WHERE account = ?)`, account).Scan(&has)
	return has, err
}
