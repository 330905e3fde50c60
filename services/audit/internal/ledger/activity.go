package ledger

import (
	"context"
	"errors"
	"math"

	"centinela/services/audit/internal/openings"
	"centinela/shared/cursor"
	"centinela/shared/record"
)

// Page is a part of an account's activity, newest first.
type Page struct {
	Entries []Entry
	Next    string // cursor of the next page; "" at the end
}

type activityCursor struct {
	Before int64 `json:"before"`
}

// Activity is what happened on an account, by whomever: a stranger's recovery
// try is the owner's to see. class "" is all of them. limit is from 1 to 100. An
// erased account has none.
// Entries that come while somebody pages appear on a new first page only. Errors:
// cursor.ErrInvalid, the store's.
func (l *Ledger) Activity(ctx context.Context, account string, class record.Class, from string, limit int) (Page, error) {
	at := activityCursor{Before: math.MaxInt64}
	if from != "" {
		if err := cursor.Decode(from, &at); err != nil {
			return Page{}, err
		}
	}
	token, err := l.openings.Person(ctx, account)
	if errors.Is(err, openings.ErrErased) {
		return Page{}, nil
	}
	if err != nil {
		return Page{}, err
	}
	rows, err := l.store.PersonRows(ctx, token[:], class, at.Before, limit+1)
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: make([]Entry, 0, len(rows))}
	for _, row := range rows[:min(limit, len(rows))] {
		entry, err := entryOf(ctx, l.openings.Opener, row)
		if err != nil {
			return Page{}, err
		}
		page.Entries = append(page.Entries, entry)
	}
	if len(rows) > limit {
		page.Next = cursor.Encode(activityCursor{Before: rows[limit-1].Seq})
	}
	return page, nil
}
