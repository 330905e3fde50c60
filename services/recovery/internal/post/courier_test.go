package post_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/store/roomtest"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms"
)

// desk is a queue with texts of its own.
type desk struct{ *roomtest.Desk }

func newDesk(t *testing.T, store roomtest.Store) desk {
	return desk{roomtest.New(t, store, roomtest.Options{})}
}

func onSQLite(t *testing.T) desk { return newDesk(t, roomtest.SQLite(t)) }

// write puts a notice into the queue.
func (d desk) write(id string, expires time.Time) {
	d.T.Helper()
	d.writeAs(id, post.Notice, expires)
}

func (d desk) writeAs(id string, purpose post.Purpose, expires time.Time) {
	d.T.Helper()
	text := post.NewWriter(d.Key, "localhost").Write(post.Draft{
		Owner: roomtest.Owner, Account: roomtest.Owner, Number: "phn_1", To: roomtest.Older, Purpose: purpose, Name: id,
		Body: secret.NewString(id), ExpiresAt: expires,
	}, d.Clock.Now())
	d.Must(d.Store.UpdateWallet(d.T.Context(), roomtest.Owner, func(*wallet.Wallet) (post.Effects, error) {
		return post.Effects{Texts: []post.Text{text}}, nil
	}))
}

// sent is how many texts arrived.
func (d desk) sent() int {
	d.T.Helper()
	kept, err := d.Store.Kept(d.T.Context(), roomtest.Older, 100)
	d.Must(err)
	return len(kept)
}

const (
	sent   = record.SMSSent + " " + record.Success
	failed = record.SMSFailed + " " + record.Failure
)

// TestKilledBetweenClaimAndMark: a courier that was killed holds the text no
// longer than its lease; in the simulator the text arrives once, whether it was
// killed before or after the provider's yes. On both stores.
func TestKilledBetweenClaimAndMark(t *testing.T) {
	for _, handed := range []bool{false, true} {
		roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
			d := newDesk(t, store)
			d.write("txt_1", time.Time{})
			claimed, err := d.Store.ClaimTexts(t.Context(), d.Clock.Now(), 30*time.Second, 1)
			if err != nil || len(claimed) != 1 {
				t.Fatal(claimed, err)
			}
			if handed { // the provider took it, and the mark was never made
				if _, err := d.Carrier.Send(t.Context(), sms.Message{ID: claimed[0].ID, To: roomtest.Older, Body: secret.NewString("txt_1")}); err != nil {
					t.Fatal(err)
				}
			}
			c := d.NewCourier()
			d.Clock.Advance(30*time.Second - time.Millisecond)
			d.Must(c.SendDue(t.Context()))
			if len(d.Actions()) != 0 {
				t.Error("the lease was not respected")
			}
			d.Clock.Advance(time.Millisecond)
			d.Must(c.SendDue(t.Context()))
			d.Must(c.SendDue(t.Context()))
			if got := d.Actions(); !slices.Equal(got, []string{sent}) || d.sent() != 1 {
				t.Errorf("handed %v: %v, %d texts", handed, got, d.sent())
			}
		})
	}
}

// TestUncertainCodeIsNotSentTwice: the provider had the text and its answer never
// came. A code is not sent again, a notice is: told twice is better than not told.
func TestUncertainCodeIsNotSentTwice(t *testing.T) {
	for purpose, want := range map[post.Purpose]int{post.Code: 1, post.Notice: 2, post.Announcement: 2} {
		d := onSQLite(t)
		d.Carrier.Errs = []error{sms.ErrUnavailable.WithCause(sms.Unsure(context.DeadlineExceeded))}
		d.writeAs("txt_1", purpose, d.Clock.Now().Add(time.Hour))
		for range 3 {
			d.Must(d.NewCourier().SendDue(t.Context()))
			d.Clock.Advance(time.Minute)
		}
		if got := len(d.Carrier.IDs); got != want {
			t.Errorf("%s: sent %d times, want %d", purpose, got, want)
		}
	}
}

// TestV20AnnouncementsAreTriedForLong: a provider that is away for days takes no
// announcement from the owner; a notice is given up after 10 tries.
func TestV20AnnouncementsAreTriedForLong(t *testing.T) {
	d := onSQLite(t)
	d.Carrier.Errs = slices.Repeat([]error{sms.ErrUnavailable}, 200)
	d.writeAs("txt_1", post.Announcement, d.Clock.Now().Add(7*24*time.Hour))
	for step := range 600 {
		d.Must(d.NewCourier().SendDue(t.Context()))
		if got := len(d.Carrier.IDs); got > step+1 {
			t.Fatalf("%d tries in %d steps of 5 minutes", got, step)
		}
		d.Clock.Advance(5 * time.Minute)
	}
	if got := d.Actions(); !slices.Equal(got, []string{sent}) || len(d.Carrier.IDs) != 201 {
		t.Errorf("%v after %d tries", got, len(d.Carrier.IDs))
	}
}

// TestSlowTextHoldsNobodyUp: what is claimed together is sent together, so that a
// provider that hangs on one neither delays the others nor outlasts their leases.
func TestSlowTextHoldsNobodyUp(t *testing.T) {
	d := onSQLite(t)
	meet := &meeting{all: make(chan struct{}), want: 8}
	d.Carrier.Inner = meet
	for i := range meet.want {
		d.write(fmt.Sprintf("txt_%d", i), time.Time{})
	}
	d.Must(d.NewCourier().SendDue(t.Context()))
	if got := len(d.Actions()); got != meet.want {
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

func (m *meeting) Send(ctx context.Context, text sms.Message) (string, error) {
	m.mu.Lock()
	if m.here++; m.here == m.want {
		close(m.all)
	}
	m.mu.Unlock()
	select {
	case <-m.all:
		return text.ID, nil
	case <-time.After(10 * time.Second): // never when it is right
		return "", sms.ErrUnavailable
	}
}

// TestR3PanickingSenderIsContained: a text that makes the sender panic is one
// failed try; the others go out.
func TestR3PanickingSenderIsContained(t *testing.T) {
	d := onSQLite(t)
	d.Carrier.Inner = panicking{d.Carrier.Inner}
	d.write("txt_bad", time.Time{})
	d.write("txt_good", time.Time{})
	for range 20 {
		d.Must(d.NewCourier().SendDue(t.Context()))
		d.Clock.Advance(5 * time.Minute)
	}
	got := d.Actions()
	slices.Sort(got)
	if !slices.Equal(got, []string{failed, sent}) || len(d.Carrier.IDs) != 11 {
		t.Errorf("%v after %d tries", got, len(d.Carrier.IDs))
	}
}

type panicking struct{ inner sms.Sender }

func (s panicking) Send(ctx context.Context, m sms.Message) (string, error) {
	if m.Body.Reveal() == "txt_bad" {
		panic("planted by a test")
	}
	return s.inner.Send(ctx, m)
}

// TestBackoff: temporary errors are tried again, 10 times at most; others never.
func TestBackoff(t *testing.T) {
	d := onSQLite(t)
	d.Carrier.Errs = []error{sms.ErrUnavailable, sms.ErrThrottled.WithRetryAfter(time.Minute)}
	d.write("txt_1", time.Time{})
	c := d.NewCourier()
	for _, step := range []struct {
		after time.Duration
		sends int
	}{{0, 1}, {time.Second - time.Millisecond, 1}, {time.Millisecond, 2}, {time.Minute - time.Millisecond, 2}, {time.Millisecond, 3}, {time.Hour, 3}} {
		d.Clock.Advance(step.after)
		d.Must(c.SendDue(t.Context()))
		if len(d.Carrier.IDs) != step.sends {
			t.Fatalf("%d sends, want %d", len(d.Carrier.IDs), step.sends)
		}
	}
	d.Carrier.Errs = slices.Repeat([]error{sms.ErrUnavailable}, 20)
	d.write("txt_2", time.Time{})
	for range 20 {
		d.Must(c.SendDue(t.Context()))
		d.Clock.Advance(5 * time.Minute)
	}
	if len(d.Carrier.IDs) != 3+10 {
		t.Errorf("%d sends in all", len(d.Carrier.IDs))
	}
	d.Carrier.Errs = []error{sms.ErrUndeliverable}
	d.write("txt_3", time.Time{})
	d.write("txt_4", d.Clock.Now()) // its code has expired: it is not sent
	d.Must(c.SendDue(t.Context()))
	if got := d.Actions(); !slices.Equal(got, []string{sent, failed, failed, failed}) || d.sent() != 1 {
		t.Errorf("%v, %d texts", got, d.sent())
	}
}

// TestNoteDelivery: a text that the carrier lost is reported once; an unknown one is no error.
func TestNoteDelivery(t *testing.T) {
	d := onSQLite(t)
	d.write("txt_1", time.Time{})
	c := d.NewCourier()
	d.Must(c.SendDue(t.Context()))
	name := "sim_" + d.Carrier.IDs[0]
	for _, news := range []sms.Delivery{
		{ProviderID: name, Status: sms.Delivered},
		{ProviderID: name, Status: sms.Failed, Failure: sms.ErrUndeliverable},
		{ProviderID: name, Status: sms.Failed, Failure: sms.ErrUndeliverable},
		{ProviderID: "unknown", Status: sms.Failed, Failure: sms.ErrUndeliverable},
	} {
		if err := c.NoteDelivery(t.Context(), news); err != nil {
			t.Error(err)
		}
	}
	if got := d.Actions(); !slices.Equal(got, []string{sent, failed}) {
		t.Error(got)
	}
}

// TestStoppedCourierKeepsItsTexts: a stop in the middle of a send loses nothing.
func TestStoppedCourierKeepsItsTexts(t *testing.T) {
	d := onSQLite(t)
	d.write("txt_1", time.Time{})
	ctx, cancel := context.WithCancel(t.Context())
	d.Carrier.Inner = stopping{cancel}
	if err := d.NewCourier().SendDue(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	d.Carrier.Inner = sms.NewSimulator(d.Store, d.Clock)
	d.Clock.Advance(time.Minute)
	d.Must(d.NewCourier().SendDue(t.Context()))
	if d.sent() != 1 {
		t.Error("lost")
	}
}

type stopping struct{ cancel context.CancelFunc }

func (s stopping) Send(ctx context.Context, _ sms.Message) (string, error) {
	s.cancel()
	return "", ctx.Err()
}

// TestFinishedTextIsForgotten: after sending, or when it can't be sent, neither
// store holds the number or the words any more (R34 of the mutants).
func TestFinishedTextIsForgotten(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		d := newDesk(t, store)
		d.Must(store.CreateFlow(t.Context(), claim.Flow{ID: "rec_a"}, post.Effects{}))
		for _, outcome := range []error{nil, sms.ErrUndeliverable} {
			name := fmt.Sprint("txt_", outcome)
			d.Must(store.UpdateFlow(t.Context(), "rec_a", func(*claim.Flow) (post.Effects, error) {
				return post.Effects{Texts: []post.Text{post.NewWriter(d.Key, "localhost").Write(post.Draft{
					Owner: "rec_a", Number: "phn_1", To: roomtest.Older, Purpose: post.Notice, Name: name, Body: secret.NewString("hello"),
				}, d.Clock.Now())}}, nil
			}))
			d.Carrier.Break(outcome)
			d.SendDue()
		}
		texts, err := store.TextsOf(t.Context(), "rec_a")
		d.Must(err)
		states := map[post.TextState]int{}
		for _, text := range texts {
			states[text.State]++
			if text.To != nil || text.Body != nil || !text.NextAt.IsZero() || text.FinishedAt.IsZero() {
				t.Errorf("kept: %+v", text)
			}
		}
		if states[post.TextSent] != 1 || states[post.TextFailed] != 1 {
			t.Errorf("%v", states)
		}
	})
}

// TestWithdrawnWhileItWasSent: what ended while the provider had the text leaves
// a true record: it was sent. What the provider refused stays withdrawn.
func TestWithdrawnWhileItWasSent(t *testing.T) {
	roomtest.OnBoth(t, func(t *testing.T, store roomtest.Store) {
		for _, outcome := range []error{nil, sms.ErrUnavailable} {
			d := newDesk(t, store)
			before := len(d.Actions())
			d.Carrier.Inner = ending{d, outcome}
			d.write(fmt.Sprint("txt_", outcome), time.Time{})
			d.SendDue()
			want := []string{sent}
			if outcome != nil {
				want = nil
			}
			if got := d.Actions()[before:]; !slices.Equal(got, want) && len(got)+len(want) > 0 {
				t.Errorf("%v: %v, want %v", outcome, got, want)
			}
			d.Clock.Advance(time.Hour)
			d.SendDue()
			if len(d.Carrier.IDs) != 1 {
				t.Errorf("%v: tried %d times", outcome, len(d.Carrier.IDs))
			}
		}
	})
}

// ending is a Sender that ends what the texts are about before it answers.
type ending struct {
	d       desk
	outcome error
}

func (s ending) Send(ctx context.Context, m sms.Message) (string, error) {
	err := s.d.Store.UpdateWallet(ctx, roomtest.Owner, func(*wallet.Wallet) (post.Effects, error) {
		return post.Effects{Over: s.d.Clock.Now()}, nil
	})
	if err != nil {
		return "", err
	}
	return m.ID, s.outcome
}

// KA D4: a text that can't be read is told, and those beside it are sent all the same.
func TestDamagedTextHoldsNobodyUp(t *testing.T) {
	store := roomtest.SQLite(t)
	d := newDesk(t, store)
	d.write("bad", time.Time{})
	d.Must(store.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `UPDATE texts SET body = '{"v":9}'`)
		return err
	}))
	d.write("good", time.Time{})
	if err := d.Courier.SendDue(t.Context()); err == nil || d.sent() != 1 {
		t.Errorf("%d sent, %v", d.sent(), err)
	}
}
