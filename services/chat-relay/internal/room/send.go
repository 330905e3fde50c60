package room

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"centinela/services/chat-relay/internal/digest"
	"centinela/shared/record"
)

// Draft is what somebody sends.
type Draft struct {
	Conversation, ClientID, Text string
	ReplyTo                      int64
	Account, Session             string
	Origin                       record.Origin
	From                         Subscriber // the sending connection: it gets Accepted where the others get Message
}

// is reports whether m is what was drafted.
func (d *Draft) is(m *Message) bool { return m.Text == d.Text && m.ReplyTo == d.ReplyTo }

// sending is a message on its way to the store.
type sending struct {
	Draft
	room    *room
	at      time.Time
	digest  string // "" once its fate is in the book
	settled bool   // it was answered
}

// Send hands a message on to be stored and then brought to everybody in the conversation who is connected, in the order
// of its number. It returns as soon as that is on its way; From is told what became of it, Accepted or Refused. The same
// client id again is answered with the first result, at no cost. Errors: ErrMessageInvalid, ErrConversationNotFound. As a
// refusal come ErrMismatch, ErrReplyTo, ErrTooManyMessages with the time to wait, ErrBusy, ErrStopping, ErrPanicked,
// ErrUnpublished, and the store's own.
func (c *Chat) Send(ctx context.Context, d Draft) error {
	if n := utf8.RuneCountInString(d.Text); n > MaxText || !utf8.ValidString(d.Text) || strings.TrimSpace(d.Text) == "" {
		return ErrMessageInvalid
	}
	r, err := c.enter(ctx, d.Account, d.Conversation)
	if err != nil {
		return err
	}
	s := &sending{Draft: d, room: r, at: c.Clock.Now()}
	if known, err := c.admit(ctx, s); err != nil {
		c.refuse(s, err)
	} else if known != nil {
		c.answer(ctx, s, known)
	} else if err := c.put(ctx, item{sending: s}); err != nil {
		c.rate.giveBack(d.Account)
		c.refuse(s, err)
	}
	return nil
}

// admit holds a message against the sender's rate and what it replies to. A replay is never refused for the rate: where
// there is no room left, what is on its way is waited for, since replays in it give back what they only borrowed; then the
// log is asked whether it knows the message, which is then returned.
func (c *Chat) admit(ctx context.Context, s *sending) (known *Message, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	if c.rate.take(s.Account, s.at) > 0 {
		if err := c.settleAll(ctx); err != nil {
			return nil, err
		}
		m, ok, err := c.Log.Find(ctx, s.Conversation, s.Account, s.ClientID)
		switch {
		case err != nil:
			return nil, err
		case ok && !s.is(&m):
			return nil, ErrMismatch
		case ok:
			return &m, nil
		}
		if wait := c.rate.take(s.Account, s.at); wait > 0 {
			return nil, ErrTooManyMessages.WithRetryAfter(wait).WithDetail(
				fmt.Sprintf("more messages than a person writes: again in %d s", seconds(wait)))
		}
	}
	if s.ReplyTo <= s.room.reached() {
		return nil, nil
	}
	found, err := c.Log.After(ctx, s.Conversation, s.ReplyTo-1, 1) // another relay may know of it
	if err == nil && (len(found) == 0 || found[0].Seq != s.ReplyTo) {
		err = ErrReplyTo
	}
	return nil, err
}

// answer tells the sender that m is stored, after the others have it. The numbers before m that weren't published (a
// commit whose answer got lost, another relay's) go first: nobody who is connected sees a hole.
func (c *Chat) answer(ctx context.Context, s *sending, m *Message) {
	err := c.catchUp(ctx, s.room, m.Seq-1)
	if err == nil && !c.publish(s.room, m, s.From) {
		err = hole(m)
	}
	if err != nil {
		c.fallBehind(s.room.id, s.room.reached())
		c.refuse(s, fmt.Errorf("%w: %w", ErrUnpublished, err))
		return
	}
	s.settled = true
	c.leave(s.room)
}

// refuse tells the sender why the message isn't stored, or isn't known to be.
func (c *Chat) refuse(s *sending, err error) {
	s.settled = true
	s.From.Deliver(&Update{Refused: &Refusal{Conversation: s.Conversation, ClientID: s.ClientID, Err: err}})
	c.leave(s.room)
}

// entry is what the digest knows of the message.
func entry(m *Message) digest.Entry {
	return digest.Entry{Digest: m.Digest, Conversation: m.Conversation, Seq: m.Seq, Length: utf8.RuneCountInString(m.Text), At: m.At}
}

// Counted reads a log for digests.
func Counted(log Log) digest.Messages {
	return func(ctx context.Context, conversation string, above int64, limit int) ([]digest.Entry, error) {
		page, err := log.After(ctx, conversation, above, limit)
		entries := make([]digest.Entry, len(page))
		for i := range page {
			entries[i] = entry(&page[i])
		}
		return entries, err
	}
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
