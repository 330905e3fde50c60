package room

import (
	"context"
	"slices"

	"centinela/shared/cursor"
)

// MaxPage is the most items of a page.
const MaxPage = 100

// ReplayLimit is how many missed messages of a conversation are sent again; the client pages for more.
const ReplayLimit = 500

// Conversation returns one that the account is in: ErrConversationNotFound.
func (c *Chat) Conversation(ctx context.Context, account, conversation string) (Conversation, error) {
	found, err := c.Rooms.Conversation(ctx, conversation)
	if err != nil {
		return Conversation{}, err
	}
	if !slices.ContainsFunc(found.Members, func(m Member) bool { return m.Account == account }) {
		return Conversation{}, ErrConversationNotFound
	}
	return found, nil
}

// Conversations returns a page of the account's, the newest activity first, and the cursor of the next page, "" at the
// end. cursor.ErrInvalid.
func (c *Chat) Conversations(ctx context.Context, account, at string, limit int) ([]Conversation, string, error) {
	var behind Position
	if at != "" {
		if err := cursor.Decode(at, &behind); err != nil {
			return nil, "", err
		}
	}
	limit = max(1, min(limit, MaxPage))
	page, err := c.Rooms.Of(ctx, account, behind, limit+1)
	if err != nil || len(page) <= limit {
		return page, "", err
	}
	last := page[limit-1]
	return page[:limit], cursor.Encode(Position{ActiveAt: last.ActiveAt, ID: last.ID}), nil
}

// Page returns messages before a number (0: the newest), newest first, and whether there are older ones:
// ErrConversationNotFound.
func (c *Chat) Page(ctx context.Context, account, conversation string, before int64, limit int) ([]Message, bool, error) {
	r, err := c.enter(ctx, account, conversation)
	if err != nil {
		return nil, false, err
	}
	c.leave(r)
	if before == 0 {
		before = 1<<63 - 1
	}
	limit = max(1, min(limit, MaxPage))
	page, err := c.Log.Before(ctx, conversation, before, limit)
	if err != nil {
		return nil, false, err
	}
	return page, len(page) > 0 && page[len(page)-1].Seq > 1, nil
}

// Resumed is what a replay did: the numbers From to To were sent, or, with Gap, none of them, because they are too many.
type Resumed struct {
	From, To int64
	Gap      bool
}

// Replay gives every message after a number to deliver, in order, up to the newest one at the moment of the call.
// Messages that come later are not its business: who wants no hole subscribes first. ErrConversationNotFound, and what
// deliver returns.
func (c *Chat) Replay(ctx context.Context, account, conversation string, after int64, deliver func(Message) error) (Resumed, error) {
	found, err := c.Conversation(ctx, account, conversation)
	if err != nil {
		return Resumed{}, err
	}
	if after >= found.LastSeq {
		return Resumed{From: found.LastSeq + 1, To: found.LastSeq}, nil
	}
	done := Resumed{From: after + 1, To: found.LastSeq}
	if found.LastSeq-after > ReplayLimit {
		done.Gap = true
		return done, nil
	}
	for after < found.LastSeq {
		page, err := c.Log.After(ctx, conversation, after, int(min(MaxPage, found.LastSeq-after)))
		if err != nil {
			return Resumed{}, err
		}
		if len(page) == 0 {
			break // can't be: numbers have no gaps; a store that lost some must not keep us here
		}
		for _, m := range page {
			if err := deliver(m); err != nil {
				return Resumed{}, err
			}
			after = m.Seq
		}
	}
	done.To = after
	return done, nil
}
