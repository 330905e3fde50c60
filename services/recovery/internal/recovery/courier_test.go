package recovery_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"centinela/services/recovery/internal/recovery"
	"centinela/services/recovery/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/testkit"
)

const (
	owner = "acc_aaaaaaaaaaaaaaaaaaaaaaaa"
	phone = "+51987654321"
)

// scripted answers with errs, one each, then takes everything.
type scripted struct {
	inner sms.Sender
	errs  []error
	ids   []string
}

func (s *scripted) Send(ctx context.Context, m sms.Message) (sms.Receipt, error) {
	s.ids = append(s.ids, m.ID)
	if len(s.errs) > 0 {
		err := s.errs[0]
		s.errs = s.errs[1:]
		return sms.Receipt{}, err
	}
	return s.inner.Send(ctx, m)
}

type post struct {
	t      *testing.T
	store  *sqlite.Store
	key    secret.Key
	clk    *clock.Manual
	sender *scripted
}

func newPost(t *testing.T) *post {
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	clk := clock.NewManual(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	return &post{t, store, secret.RandomKey(), clk, &scripted{inner: sms.NewSimulator(store, clk)}}
}

func (p *post) courier() *recovery.Courier {
	return recovery.NewCourier(p.store, p.key, p.sender, p.clk, testkit.Logger(p.t), func() {})
}

func (p *post) write(id string, expires time.Time) {
	p.t.Helper()
	now := p.clk.Now()
	text := recovery.Text{
		ID: id, Owner: owner, Account: owner, Purpose: "notice", Number: "phn_1", State: recovery.TextPending, CreatedAt: now, NextAt: now, ExpiresAt: expires,
		To: p.key.Seal([]byte(phone), []byte(id+":to")), Body: p.key.Seal([]byte("hello"), []byte(id+":body")),
	}
	err := p.store.UpdateWallet(p.t.Context(), owner, func(*recovery.Wallet) (recovery.Effects, error) {
		return recovery.Effects{Texts: []recovery.Text{text}}, nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *post) sendDue(c *recovery.Courier) {
	p.t.Helper()
	if err := c.SendDue(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// actions are the events so far.
func (p *post) actions() []string {
	events, err := p.store.PendingEvents(p.t.Context(), 100)
	if err != nil {
		p.t.Fatal(err)
	}
	var actions []string
	for _, e := range events {
		actions = append(actions, e.Action)
	}
	return actions
}

func (p *post) kept() int {
	kept, err := p.store.Kept(p.t.Context(), phone, 100)
	if err != nil {
		p.t.Fatal(err)
	}
	return len(kept)
}

// TestKilledBetweenClaimAndMark: a courier that was killed holds the text no
// longer than its lease; in the simulator the text arrives once, whether it was
// killed before or after the provider's yes.
func TestKilledBetweenClaimAndMark(t *testing.T) {
	for _, handed := range []bool{false, true} {
		p := newPost(t)
		p.write("txt_1", time.Time{})
		claimed, err := p.store.ClaimTexts(t.Context(), p.clk.Now(), 30*time.Second, 1)
		if err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
		if handed { // the provider took it, and the mark was never made
			if _, err := p.sender.Send(t.Context(), sms.Message{ID: "txt_1", To: phone, Body: secret.NewString("hello")}); err != nil {
				t.Fatal(err)
			}
		}
		c := p.courier()
		p.clk.Advance(30*time.Second - time.Millisecond)
		p.sendDue(c)
		if len(p.actions()) != 0 {
			t.Error("the lease was not respected")
		}
		p.clk.Advance(time.Millisecond)
		p.sendDue(c)
		p.sendDue(c)
		if got := p.actions(); !slices.Equal(got, []string{record.SMSSent}) || p.kept() != 1 {
			t.Errorf("handed %v: %v, %d texts", handed, got, p.kept())
		}
	}
}

// TestBackoff: temporary errors are tried again, 10 times at most; others never.
func TestBackoff(t *testing.T) {
	p := newPost(t)
	p.sender.errs = []error{sms.ErrUnavailable, sms.ErrThrottled.WithRetryAfter(time.Minute)}
	p.write("txt_1", time.Time{})
	c := p.courier()
	for _, step := range []struct {
		after time.Duration
		sends int
	}{{0, 1}, {time.Second - time.Millisecond, 1}, {time.Millisecond, 2}, {time.Minute - time.Millisecond, 2}, {time.Millisecond, 3}, {time.Hour, 3}} {
		p.clk.Advance(step.after)
		p.sendDue(c)
		if len(p.sender.ids) != step.sends {
			t.Fatalf("%d sends, want %d", len(p.sender.ids), step.sends)
		}
	}
	p.sender.errs = slices.Repeat([]error{sms.ErrUnavailable}, 20)
	p.write("txt_2", time.Time{})
	for range 20 {
		p.sendDue(c)
		p.clk.Advance(5 * time.Minute)
	}
	if len(p.sender.ids) != 3+10 {
		t.Errorf("%d sends in all", len(p.sender.ids))
	}
	p.sender.errs = []error{sms.ErrUndeliverable}
	p.write("txt_3", time.Time{})
	p.write("txt_4", p.clk.Now()) // its code has expired: it is not sent
	p.sendDue(c)
	if got := p.actions(); !slices.Equal(got, []string{record.SMSSent, record.SMSFailed, record.SMSFailed, record.SMSFailed}) || p.kept() != 1 {
		t.Errorf("%v, %d texts", got, p.kept())
	}
}

// TestNoteDelivery: a text that the carrier lost is reported once; an unknown one is no error.
func TestNoteDelivery(t *testing.T) {
	p := newPost(t)
	p.write("txt_1", time.Time{})
	c := p.courier()
	p.sendDue(c)
	for _, d := range []sms.Delivery{
		{ProviderID: "sim_txt_1", Status: sms.Delivered},
		{ProviderID: "sim_txt_1", Status: sms.Failed, Failure: sms.ErrUndeliverable},
		{ProviderID: "sim_txt_1", Status: sms.Failed, Failure: sms.ErrUndeliverable},
		{ProviderID: "unknown", Status: sms.Failed, Failure: sms.ErrUndeliverable},
	} {
		if err := c.NoteDelivery(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	if got := p.actions(); !slices.Equal(got, []string{record.SMSSent, record.SMSFailed}) {
		t.Error(got)
	}
}

// TestStoppedCourierKeepsItsTexts: a stop in the middle of a send loses nothing.
func TestStoppedCourierKeepsItsTexts(t *testing.T) {
	p := newPost(t)
	p.write("txt_1", time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	p.sender.inner = stopping{cancel}
	if err := p.courier().SendDue(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	p.sender.inner = sms.NewSimulator(p.store, p.clk)
	p.clk.Advance(time.Minute)
	p.sendDue(p.courier())
	if p.kept() != 1 {
		t.Error("lost")
	}
}

type stopping struct{ cancel context.CancelFunc }

func (s stopping) Send(ctx context.Context, _ sms.Message) (sms.Receipt, error) {
	s.cancel()
	return sms.Receipt{}, ctx.Err()
}
