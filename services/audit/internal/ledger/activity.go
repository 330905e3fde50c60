package ledger

import (
	"context"
	"math"

	"centinela/shared/cursor"
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
// try is the owner's to see. limit is from 1 to 100. Entries that come while
// somebody pages appear on a new first page only. Errors: cursor.ErrInvalid, the store's.
func (l *Ledger) Activity(ctx context.Context, account, from string, limit int) (Page, error) {
	at := activityCursor{Before: math.MaxInt64}
	if from != "" {
		if err := cursor.Decode(from, &at); err != nil {
			return Page{}, err
		}
	}
	entries, err := l.store.AccountEntries(ctx, account, at.Before, limit+1)
	if err != nil {
		return Page{}, err
	}
	if len(entries) <= limit {
		return Page{Entries: entries}, nil
	}
	entries = entries[:limit]
	return Page{Entries: entries, Next: cursor.Encode(activityCursor{Before: entries[limit-1].Seq})}, nil
}
