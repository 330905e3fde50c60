package post

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
)

const (
	lease       = 30 * time.Second // longer than a send may take
	maxAttempts = 10
	firstRetry  = time.Second
	lastRetry   = 5 * time.Minute
	courierIdle = 250 * time.Millisecond // real time: looks without a kick, for what is due by now
	claimAtOnce = 16                     // all at once on their way, so that none waits longer than its lease
)

// Courier sends the texts of the queue. Several may run on one store: each text
// is claimed by one until its lease ends. A process killed between the
// provider's yes and the mark sends the text again after the lease; the
// simulator keeps by id, so there it still is one. When the provider had a text
// and gave no answer, a code is not sent a second time (whoever waits for it can
// ask for another), and what protects an account is.
type Courier struct {
	texts  Store
	key    secret.Key
	sender sms.Sender
	clock  clock.Clock
	log    *slog.Logger
	wrote  func() // events: the outbox may look
	kick   chan struct{}
}

// NewCourier returns a courier; wrote is called after events were written.
func NewCourier(texts Store, key secret.Key, sender sms.Sender, clk clock.Clock, log *slog.Logger, wrote func()) *Courier {
	return &Courier{texts: texts, key: key, sender: sender, clock: clk, log: log, wrote: wrote, kick: make(chan struct{}, 1)}
}

// Kick makes Run look now. It never blocks.
func (c *Courier) Kick() {
	select {
	case c.kick <- struct{}{}:
	default: // one is waiting already
	}
}

// Run sends until ctx ends. What isn't sent stays in the queue.
func (c *Courier) Run(ctx context.Context) error {
	ticker := time.NewTicker(courierIdle)
	defer ticker.Stop()
	for {
		if err := c.SendDue(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("texts: the queue can't be read, trying again", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.kick:
		case <-ticker.C:
		}
	}
}

// SendDue sends what is due now, once.
func (c *Courier) SendDue(ctx context.Context) error {
	for {
		claimed, err := c.texts.ClaimTexts(ctx, c.clock.Now(), lease, claimAtOnce)
		if len(claimed) == 0 {
			return err
		}
		failed := make([]error, len(claimed), len(claimed)+1)
		var sends sync.WaitGroup
		for i, text := range claimed {
			sends.Go(func() { failed[i] = due.Contained(func() error { return c.send(ctx, text) }) })
		}
		sends.Wait()
		if err := errors.Join(append(failed, err)...); err != nil {
			return err
		}
	}
}

func (c *Courier) send(ctx context.Context, text Text) error {
	var providerID string
	handedOver := c.clock.Now() // a wait may run from here: the phone can ring before our mark is stored
	sendErr := due.Contained(func() (err error) {
		providerID, err = c.deliver(ctx, text)
		return err
	})
	if ctx.Err() != nil {
		return ctx.Err() // stopped: the lease gives it back
	}
	if sendErr != nil && fault.From(sendErr).Kind == fault.KindInternal { // none of a Sender's errors
		c.log.Error("texts: a send went wrong in a way that nobody foresaw", "text", text.ID, "error", sendErr.Error())
	}
	now := c.clock.Now()
	err := c.texts.UpdateText(ctx, text.Owner, text.ID, func(t *Text) ([]record.Event, error) {
		if t.State != TextPending && (t.State != TextWithdrawn || sendErr != nil) {
			return nil, nil // somebody else was quicker after our lease, or it was withdrawn in time
		}
		t.Attempts++
		wait, again := sms.Retryable(sendErr)
		why := reason(sendErr)
		switch {
		case sendErr == nil:
			t.ProviderID = providerID
			t.Finish(TextSent, handedOver)
			return []record.Event{t.event(now, record.SMSSent, record.Success, "")}, nil
		case sms.Uncertain(sendErr) && t.Purpose == Code:
			why = "the provider had the text and didn't answer: it may have been sent"
		case again && (t.Attempts < maxAttempts || !t.ExpiresAt.IsZero()): // what has an end of its own is tried until then
			t.NextAt = now.Add(max(wait, min(firstRetry<<min(t.Attempts-1, maxAttempts), lastRetry)))
			return nil, nil
		}
		t.Finish(TextFailed, now)
		return []record.Event{t.event(now, record.SMSFailed, record.Failure, why)}, nil
	})
	if errors.Is(err, ErrNoText) {
		return nil // pruned meanwhile
	}
	c.wrote()
	return err
}

func (c *Courier) deliver(ctx context.Context, text Text) (string, error) {
	if !text.ExpiresAt.IsZero() && !c.clock.Now().Before(text.ExpiresAt) {
		return "", sms.ErrUndeliverable.WithDetail("it is too late for this text")
	}
	to, err := c.key.Open(text.To, aadTo(text.ID))
	if err != nil {
		return "", sms.ErrUndeliverable.WithCause(err)
	}
	body, err := c.key.Open(text.Body, aadBody(text.ID))
	if err != nil {
		return "", sms.ErrUndeliverable.WithCause(err)
	}
	return c.sender.Send(ctx, sms.Message{ID: text.ID, To: string(to), Body: secret.NewString(string(body))})
}

func (t *Text) event(now time.Time, action, outcome, why string) record.Event {
	e := Event(now, action, outcome, t.Account, t.ID, record.Origin{}, record.Data{"purpose": string(t.Purpose), "phone": t.Number})
	e.Reason = why
	return e
}

// reason is the public half of an error of a Sender; it names no number.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Error()
}

// NoteDelivery records what the provider tells of a text that it took. A text
// that is unknown is not an error: it may have been pruned.
func (c *Courier) NoteDelivery(ctx context.Context, d sms.Delivery) error {
	text, err := c.texts.TextByProvider(ctx, d.ProviderID)
	if errors.Is(err, ErrNoText) {
		return nil
	}
	if err != nil || d.Status != sms.Failed {
		return err
	}
	now := c.clock.Now()
	err = c.texts.UpdateText(ctx, text.Owner, text.ID, func(t *Text) ([]record.Event, error) {
		if t.State == TextFailed {
			return nil, nil
		}
		t.State = TextFailed
		return []record.Event{t.event(now, record.SMSFailed, record.Failure, reason(d.Failure))}, nil
	})
	c.wrote()
	if errors.Is(err, ErrNoText) {
		return nil
	}
	return err
}
