package sms_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"centinela/shared/clock"
	"centinela/shared/sms"
)

type inbox struct {
	kept []sms.Message
	at   []time.Time
	fail error
}

func (i *inbox) Keep(_ context.Context, m sms.Message, at time.Time) error {
	if i.fail != nil {
		return i.fail
	}
	i.kept, i.at = append(i.kept, m), append(i.at, at)
	return nil
}

// TestSimulator (issue 3 point 4): a text arrives at once, at the (travelled) time, under a name that a second try shares.
func TestSimulator(t *testing.T) {
	now := time.Date(2027, 11, 23, 10, 0, 0, 0, time.UTC)
	box := &inbox{}
	sender := sms.NewSimulator(box, clock.NewManual(now))
	first, err := sender.Send(t.Context(), message())
	if err != nil || first == "" {
		t.Fatalf("got %v, %v", first, err)
	}
	if len(box.kept) != 1 || box.kept[0].Body.Reveal() != text || box.kept[0].To != phone || !box.at[0].Equal(now) {
		t.Errorf("kept %v at %v", box.kept, box.at)
	}
	if again, err := sender.Send(t.Context(), message()); err != nil || again != first {
		t.Errorf("a second try: %v, %v; want %v", again, err, first)
	}
}

// TestSimulatorFailure: a bad message is refused, a broken inbox is tried again.
func TestSimulatorFailure(t *testing.T) {
	full := errors.New("disk full")
	box := &inbox{fail: full}
	sender := sms.NewSimulator(box, clock.NewManual(time.Unix(0, 0)))
	_, err := sender.Send(t.Context(), message())
	if _, again := sms.Retryable(err); !errors.Is(err, sms.ErrUnavailable) || !errors.Is(err, full) || !again {
		t.Errorf("got %v, want %v", err, sms.ErrUnavailable)
	}
	silent(t, err)
	bad := message()
	bad.To = "112"
	_, err = sender.Send(t.Context(), bad)
	if _, again := sms.Retryable(err); !errors.Is(err, sms.ErrUndeliverable) || again {
		t.Errorf("got %v, want %v", err, sms.ErrUndeliverable)
	}
}
