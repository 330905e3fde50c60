package recovery_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/recovery"
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
	mu    sync.Mutex
	inner sms.Sender
	errs  []error
	ids   []string
}

func (s *scripted) Send(ctx context.Context, m sms.Message) (sms.Receipt, error) {
	s.mu.Lock()
	s.ids = append(s.ids, m.ID)
	var err error
	if len(s.errs) > 0 {
		err, s.errs = s.errs[0], s.errs[1:]
	}
	s.mu.Unlock()
	if err != nil {
		return sms.Receipt{}, err
	}
	return s.inner.Send(ctx, m)
}

type post struct {
	t      *testing.T
	store  stores
	key    secret.Key
	clk    *clock.Manual
	sender *scripted
}

func newPost(t *testing.T) *post { return postOn(t, openSQLite(t)) }

func postOn(t *testing.T, store stores) *post {
	clk := clock.NewManual(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	return &post{t, store, secret.RandomKey(), clk, &scripted{inner: sms.NewSimulator(store, clk)}}
}

func (p *post) courier() *recovery.Courier {
	return recovery.NewCourier(p.store, p.key, p.sender, p.clk, testkit.Logger(p.t), func() {})
}

func (p *post) write(id string, expires time.Time) {
	p.t.Helper()
	p.writeAs(id, "notice", expires)
}

func (p *post) writeAs(id, purpose string, expires time.Time) {
	p.t.Helper()
	now := p.clk.Now()
	text := recovery.Text{
		ID: id, Owner: owner, Account: owner, Purpose: purpose, Number: "phn_1", State: recovery.TextPending, CreatedAt: now, NextAt: now, ExpiresAt: expires,
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
// killed before or after the provider's yes. On both stores.
func TestKilledBetweenClaimAndMark(t *testing.T) {
	for _, handed := range []bool{false, true} {
		onBoth(t, func(t *testing.T, store stores) {
			p := postOn(t, store)
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
		})
	}
}

// TestUncertainCodeIsNotSentTwice: the provider had the text and its answer never
// came. A code is not sent again, a notice is: told twice is better than not told.
func TestUncertainCodeIsNotSentTwice(t *testing.T) {
	for purpose, want := range map[string]int{"code": 1, "notice": 2, "announcement": 2} {
		p := newPost(t)
		p.sender.errs = []error{sms.ErrUnavailable.WithCause(sms.Unsure(context.DeadlineExceeded))}
		p.writeAs("txt_1", purpose, p.clk.Now().Add(time.Hour))
		for range 3 {
			p.sendDue(p.courier())
			p.clk.Advance(time.Minute)
		}
		if got := len(p.sender.ids); got != want {
			t.Errorf("%s: sent %d times, want %d", purpose, got, want)
		}
	}
}

// TestV20AnnouncementsAreTriedForLong: a provider that is away for days takes no
// announcement from the owner; a notice is given up after 10 tries.
func TestV20AnnouncementsAreTriedForLong(t *testing.T) {
	p := newPost(t)
	p.sender.errs = slices.Repeat([]error{sms.ErrUnavailable}, 200)
	p.writeAs("txt_1", "announcement", p.clk.Now().Add(7*day))
	for step := range 600 {
		p.sendDue(p.courier())
		if got := len(p.sender.ids); got > step+1 {
			t.Fatalf("%d tries in %d steps of 5 minutes", got, step)
		}
		p.clk.Advance(5 * time.Minute)
	}
	if got := p.actions(); !slices.Equal(got, []string{record.SMSSent}) || len(p.sender.ids) != 201 {
		t.Errorf("%v after %d tries", got, len(p.sender.ids))
	}
}

// TestSlowTextHoldsNobodyUp: what is claimed together is sent together, so that a
// provider that hangs on one neither delays the others nor outlasts their leases.
func TestSlowTextHoldsNobodyUp(t *testing.T) {
	p := newPost(t)
	meet := &meeting{all: make(chan struct{}), want: 8}
	p.sender.inner = meet
	for i := range meet.want {
		p.write(fmt.Sprintf("txt_%d", i), time.Time{})
	}
	p.sendDue(p.courier())
	if got := len(p.actions()); got != meet.want {
		t.Errorf("%d sent, want %d", got, meet.want)
	}
}

// meeting is a Sender that answers nobody until all have come.
type meeting struct {
	mu   sync.Mutex
	here int
	want int
	all  chan struct{}
}

func (m *meeting) Send(ctx context.Context, text sms.Message) (sms.Receipt, error) {
	m.mu.Lock()
	if m.here++; m.here == m.want {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return sms.Receipt{ProviderID: text.ID, Status: sms.Queued}, nil
	case <-time.After(10 * time.Second): // never when it is right
		return sms.Receipt{}, sms.ErrUnavailable
	}
}

// TestR3PanickingSenderIsContained: a text that makes the sender panic is one
// failed try; the others go out.
func TestR3PanickingSenderIsContained(t *testing.T) {
	p := newPost(t)
	p.sender.inner = panicking{p.sender.inner}
	p.write("txt_bad", time.Time{})
	p.write("txt_good", time.Time{})
	for range 20 {
		p.sendDue(p.courier())
		p.clk.Advance(5 * time.Minute)
	}
	got := p.actions()
	slices.Sort(got)
	if !slices.Equal(got, []string{record.SMSFailed, record.SMSSent}) || len(p.sender.ids) != 11 {
		t.Errorf("%v after %d tries", got, len(p.sender.ids))
	}
}

type panicking struct{ inner sms.Sender }

func (s panicking) Send(ctx context.Context, m sms.Message) (sms.Receipt, error) {
	if m.ID == "txt_bad" {
		panic("planted by a test")
	}
	return s.inner.Send(ctx, m)
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
