package post

import (
	"context"
	"errors"

	"centinela/shared/record"
	"centinela/shared/sms"
)

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
