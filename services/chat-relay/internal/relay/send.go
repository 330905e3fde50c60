package relay

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"centinela/shared/record"
)

// storeBudget is how long a message may take to be stored. It is the message's own: a sender who hangs up must not
// stop it half way, between stored and published.
const storeBudget = 5 * time.Second

// Draft is what somebody sends.
type Draft struct {
	Conversation, ClientID, Text string
	ReplyTo                      int64
	Account, Session             string
	Origin                       record.Origin
	From                         Subscriber // the sending socket: it gets "accepted" where the others get the message
}

// Send stores a message, and then brings it to everybody in the conversation who is connected, in the order of its
// number. The same client id again is answered with the first result. Errors: ErrMessageInvalid, ErrReplyTo,
// ErrTooManyMessages with the time to wait, ErrConversationNotFound, ErrMismatch.
func (r *Relay) Send(ctx context.Context, d Draft) (Message, error) {
	if n := utf8.RuneCountInString(d.Text); n > MaxText || !utf8.ValidString(d.Text) || strings.TrimSpace(d.Text) == "" {
		return Message{}, ErrMessageInvalid
	}
	roster, err := r.members(ctx, d.Account, d.Conversation)
	if err != nil {
		return Message{}, err
	}
	if wait := r.rate.take(d.Account, r.Clock.Now()); wait > 0 {
		return Message{}, ErrTooManyMessages.WithRetryAfter(wait).WithDetail(
			fmt.Sprintf("more messages than a person writes: again in %d s", seconds(wait)))
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeBudget)
	defer cancel()
	if err := r.checkReply(ctx, d); err != nil {
		return Message{}, err
	}
	m, created, err := r.storeAndPublish(ctx, d, roster)
	if err != nil {
		return Message{}, err
	}
	if created {
		r.Kick()
	}
	return m, nil
}

func (r *Relay) checkReply(ctx context.Context, d Draft) error {
	if d.ReplyTo == 0 {
		return nil
	}
	found, err := r.Store.MessagesAfter(ctx, d.Conversation, d.ReplyTo-1, 1)
	if err != nil {
		return err
	}
	if len(found) == 0 || found[0].Seq != d.ReplyTo {
		return ErrReplyTo
	}
	return nil
}

// storeAndPublish holds the conversation's lock from the number's birth until every queue has the frame: that is why
// each connection sees a conversation's numbers in order.
func (r *Relay) storeAndPublish(ctx context.Context, d Draft, roster []string) (Message, bool, error) {
	unlock := r.locks.Lock(d.Conversation)
	defer unlock()
	wanted := Message{
		Conversation: d.Conversation, ClientID: d.ClientID, Sender: d.Account, Kind: Text, Text: d.Text,
		ReplyTo: d.ReplyTo, At: r.Clock.Now(),
	}
	m, created, err := r.Store.AppendMessage(ctx, wanted, func(m Message) record.Event { return r.sent(d, m) })
	if err != nil {
		return Message{}, false, err
	}
	if m.Text != d.Text || m.ReplyTo != d.ReplyTo {
		return Message{}, false, ErrMismatch
	}
	accepted, err := r.Codec.Accepted(m)
	if err != nil {
		return Message{}, false, err
	}
	if last, ok := r.published.Get(m.Conversation); created || (ok && last < m.Seq) { // a retry of one whose answer got lost
		if err := r.publish(ctx, m, roster, d.From); err != nil {
			return Message{}, false, err
		}
	}
	if d.From != nil {
		d.From.Deliver(Delivery{Frame: accepted})
	}
	return m, created, nil
}

func (r *Relay) sent(d Draft, m Message) record.Event {
	e := record.New(m.At, service, record.ChatMessageSent, record.Success, d.Origin)
	e.Account, e.Session, e.Target = d.Account, d.Session, m.Conversation
	e.Data = record.Data{
		"conversation": m.Conversation, "seq": fmt.Sprint(m.Seq), "length": fmt.Sprint(utf8.RuneCountInString(m.Text)),
	}
	return e
}

// publish brings m to everybody but the sending socket. Numbers that were stored and not published (a commit whose
// answer got lost) go first, so that nobody who is connected sees a hole.
func (r *Relay) publish(ctx context.Context, m Message, roster []string, except Subscriber) error {
	if last, ok := r.published.Get(m.Conversation); ok && last+1 < m.Seq {
		missed, err := r.Store.MessagesAfter(ctx, m.Conversation, last, int(min(m.Seq-last-1, ReplayLimit)))
		if err != nil {
			return err
		}
		for _, old := range missed {
			if err := r.fanOut(old, roster, nil); err != nil {
				return err
			}
		}
	}
	if err := r.fanOut(m, roster, except); err != nil {
		return err
	}
	r.published.Put(m.Conversation, m.Seq)
	return nil
}

func (r *Relay) fanOut(m Message, roster []string, except Subscriber) error {
	frame, err := r.Codec.Message(m)
	if err != nil {
		return err
	}
	r.hub.publish(roster, except, Delivery{Conversation: m.Conversation, Seq: m.Seq, Frame: frame})
	return nil
}

// Typing tells the others that the account is writing; more than one in 3 s is dropped: ErrConversationNotFound.
func (r *Relay) Typing(ctx context.Context, account, conversation string, from Subscriber) error {
	roster, err := r.members(ctx, account, conversation)
	if err != nil {
		return err
	}
	now, pass := r.Clock.Now(), false
	r.typed.Update(conversation+account, func(last time.Time, ok bool) time.Time {
		if pass = !ok || now.Sub(last) >= typingPause; pass {
			return now
		}
		return last
	})
	if !pass {
		return nil
	}
	frame, err := r.Codec.Typing(conversation, account)
	if err != nil {
		return err
	}
	r.hub.publish(roster, from, Delivery{Conversation: conversation, Frame: frame, Shed: true})
	return nil
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
