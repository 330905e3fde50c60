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

// sending is a message on its way, from its place in the room's flight to the answer.
type sending struct {
	room    *room
	draft   Draft
	at      time.Time
	senders []Subscriber // who sent it, some of them again; room.mu
	digest  string
	settled bool
}

func (s *sending) key() flightKey { return flightKey{s.draft.Account, s.draft.ClientID} }

func (s *sending) is(m Message) bool { return m.Text == s.draft.Text && m.ReplyTo == s.draft.ReplyTo }

// Send hands a message on to be stored and then brought to everybody in the conversation who is connected, in the order
// of its number. It returns as soon as that is on its way; From is told what became of it, Accepted or Refused. The same
// client id again is answered with the first result, at no cost. Errors: ErrMessageInvalid, ErrConversationNotFound,
// ErrMismatch, ErrStopping. As a refusal come also ErrReplyTo and ErrTooManyMessages with the time to wait.
func (c *Chat) Send(ctx context.Context, d Draft) error {
	if n := utf8.RuneCountInString(d.Text); n > MaxText || !utf8.ValidString(d.Text) || strings.TrimSpace(d.Text) == "" {
		return ErrMessageInvalid
	}
	r, err := c.enter(ctx, d.Account, d.Conversation)
	if err != nil {
		return err
	}
	s := &sending{room: r, draft: d, at: c.Clock.Now()}
	if first, err := r.begin(s); err != nil || !first {
		c.leave(r)
		return err
	}
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

// begin puts s into the flight, or its sender to one that is on its way already: false.
func (r *room) begin(s *sending) (first bool, _ error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := r.flight[s.key()]
	if same == nil {
		same, first = s, true
		r.flight[s.key()] = s
	} else if same.draft.Text != s.draft.Text || same.draft.ReplyTo != s.draft.ReplyTo {
		return false, ErrMismatch
	}
	if s.draft.From != nil {
		same.senders = append(same.senders, s.draft.From)
	}
	return first, nil
}

// admit holds a message against the sender's rate and what it replies to. A replay is never refused for the rate: where
// there is no room left, the log is asked whether it knows the message, which is then returned; and what others of the
// sender's messages only borrowed, because they turn out to be replays, is given back before the last word.
func (c *Chat) admit(ctx context.Context, s *sending) (known *Message, _ error) {
	ctx, cancel := context.WithTimeout(ctx, storeBudget)
	defer cancel()
	d := s.draft
	if wait := c.rate.take(d.Account, s.at); wait > 0 {
		m, ok, err := c.Log.Find(ctx, d.Conversation, d.Account, d.ClientID)
		switch {
		case err != nil:
			return nil, err
		case ok && !s.is(m):
			return nil, ErrMismatch
		case ok:
			return &m, nil
		}
		if err := c.settleAll(ctx); err != nil {
			return nil, err
		}
		if wait = c.rate.take(d.Account, s.at); wait > 0 {
			return nil, ErrTooManyMessages.WithRetryAfter(wait).WithDetail(
				fmt.Sprintf("more messages than a person writes: again in %d s", seconds(wait)))
		}
	}
	if d.ReplyTo <= s.room.reached() {
		return nil, nil
	}
	found, err := c.Log.After(ctx, d.Conversation, d.ReplyTo-1, 1) // another relay may know of it
	if err == nil && (len(found) == 0 || found[0].Seq != d.ReplyTo) {
		err = ErrReplyTo
	}
	return nil, err
}

// answer tells the senders that m is stored, after the others have it. The numbers before m that weren't published (a
// commit whose answer got lost, another relay's) go first: nobody who is connected sees a hole.
func (c *Chat) answer(ctx context.Context, s *sending, m *Message) {
	for first := true; !s.room.settle(s, m); first = false {
		err := c.catchUp(ctx, s.room, m.Seq-1)
		if err == nil && !first {
			err = fmt.Errorf("conversation %s: no message before %d", m.Conversation, m.Seq)
		}
		if err != nil {
			c.fallBehind(s.room.id)
			c.refuse(s, &Unpublished{err})
			return
		}
	}
	c.leave(s.room)
}

// settle publishes m and ends its flight: false when numbers are missing before it.
func (r *room) settle(s *sending, m *Message) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.publish(m, s.senders) {
		return false
	}
	delete(r.flight, s.key())
	s.settled = true
	return true
}

// refuse tells the senders that the message isn't stored.
func (c *Chat) refuse(s *sending, err error) {
	u := &Update{Refused: &Refusal{Conversation: s.draft.Conversation, ClientID: s.draft.ClientID, Err: err}}
	s.room.mu.Lock()
	delete(s.room.flight, s.key())
	senders := s.senders
	s.settled = true
	s.room.mu.Unlock()
	for _, from := range senders {
		from.Deliver(u)
	}
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

// Typing tells the others that the account is writing; more than one in 3 s is dropped: ErrConversationNotFound.
func (c *Chat) Typing(ctx context.Context, account, conversation string, from Subscriber) error {
	r, err := c.enter(ctx, account, conversation)
	if err != nil {
		return err
	}
	defer c.leave(r)
	r.types(account, from, c.Clock.Now())
	return nil
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
