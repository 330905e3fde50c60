package ledger

import (
	"context"
	"time"

	"centinela/services/audit/internal/openings"
	"centinela/shared/record"
)

// Rehash gives a row the hash that fits it, as whoever alters one would.
func Rehash(r *Row) { r.Hash = r.computeHash() }

// Forge appends a shipment as whoever can write to the database would: everything
// fits, but for what he can't sign.
func Forge(ctx context.Context, store Store, open *openings.Keeper, s record.Shipment) error {
	head, err := store.Head(ctx)
	if err != nil {
		return err
	}
	heads, _, err := store.Sources(ctx)
	if err != nil {
		return err
	}
	first := head
	var rows []Row
	for i, sealed := range s.Entries {
		env, err := record.Parse(sealed.Body)
		if err == nil {
			err = env.Disclose(sealed.Openings)
		}
		if err != nil {
			return err
		}
		row := Row{Body: sealed.Body, Class: env.Class, StoredAt: time.UnixMilli(1772366400000).UTC()}
		if row.Token, row.Openings, err = open.Seal(ctx, &env); err != nil {
			return err
		}
		if i == len(s.Entries)-1 {
			row.Signature = s.Signature
		}
		row.link(head)
		head = row.head()
		rows = append(rows, row)
		at := heads[s.Source]
		heads[s.Source] = at.Next(sealed.Body)
	}
	return store.Append(ctx, first, rows, heads)
}
