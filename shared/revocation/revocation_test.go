package revocation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/testkit"
)

var start = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

func over(kind Kind, id string, after time.Duration) Change {
	return Change{kind, id, start.Add(after)}
}

func TestSet(t *testing.T) {
	var s Set
	if s.Holds("", "", start) || s.Holds("acc_1", "ses_1", start) {
		t.Error("the empty set holds something")
	}
	news := s.Add(over(Session, "ses_1", time.Minute), over(Account, "acc_2", time.Minute), over(Session, "ses_1", time.Minute))
	if len(news) != 2 {
		t.Errorf("news %v", news)
	}
	for _, c := range []struct {
		account, session string
		after            time.Duration
		want             bool
	}{
		{"acc_1", "ses_1", 0, true},
		{"acc_1", "ses_2", 0, false},
		{"acc_2", "ses_2", 0, true},
		{"ses_1", "acc_2", 0, false}, // an id counts as what it is
		{"acc_1", "ses_1", time.Minute - time.Millisecond, true},
		{"acc_1", "ses_1", time.Minute, false},
	} {
		if got := s.Holds(c.account, c.session, start.Add(c.after)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	// The later end counts, whichever comes first.
	if news := s.Add(over(Session, "ses_1", time.Hour), over(Session, "ses_1", time.Second)); len(news) != 0 {
		t.Errorf("news %v", news)
	}
	s.Sweep(start.Add(time.Hour - time.Millisecond))
	if !s.Holds("", "ses_1", start.Add(time.Hour-time.Millisecond)) {
		t.Error("swept too early, or the later end is lost")
	}
	s.Sweep(start.Add(time.Hour))
	left := 0
	s.until.Range(func(any, any) bool { left++; return true })
	if left != 0 {
		t.Errorf("%d are left", left)
	}
}

// Many who add, check and sweep at once: what was added holds.
func TestSetAtOnce(t *testing.T) {
	var s Set
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 200 {
				id := fmt.Sprint(j)
				s.Add(over(Session, id, time.Duration(1+(i+j)%8)*time.Minute))
				s.Sweep(start)
				if !s.Holds("", id, start) {
					t.Errorf("%s is lost", id)
				}
			}
		})
	}
	all.Wait()
	for j := range 200 {
		if !s.Holds("", fmt.Sprint(j), start.Add(8*time.Minute-time.Millisecond)) {
			t.Fatalf("%d: the latest end is lost", j)
		}
	}
}

// script is auth's feed, an answer a call; the last one is what waiting gives.
type script struct {
	mu      sync.Mutex
	asked   []string
	waited  []int // which questions, from 1, let auth wait
	answers []func(ctx context.Context, wait time.Duration) (Page, error)
}

func (s *script) fetch(ctx context.Context, since string, wait time.Duration) (Page, error) {
	s.mu.Lock()
	s.asked = append(s.asked, since)
	if wait > 0 {
		s.waited = append(s.waited, len(s.asked))
	}
	next := nothing
	if len(s.answers) > 0 {
		next, s.answers = s.answers[0], s.answers[1:]
	}
	s.mu.Unlock()
	return next(ctx, wait)
}

func page(next string, more bool, changes ...Change) func(context.Context, time.Duration) (Page, error) {
	return func(context.Context, time.Duration) (Page, error) { return Page{changes, next, more}, nil }
}

func silence(context.Context, time.Duration) (Page, error) { return Page{}, errors.New("nobody there") }

func nothing(ctx context.Context, wait time.Duration) (Page, error) {
	select {
	case <-ctx.Done():
		return Page{}, ctx.Err()
	case <-time.After(wait):
		return Page{Next: "end"}, nil
	}
}

func follow(t *testing.T, s *script, clk clock.Clock) (*Feed, *testkit.Buffer) {
	t.Helper()
	log := &testkit.Buffer{}
	f := NewFeed(s.fetch, clk, slog.New(slog.NewTextHandler(log, nil)))
	done := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	go func() { done <- f.Run(ctx) }()
	return f, log
}

// Before auth was heard to the end of its first pages nobody is let in, and who asks waits for a moment; then what is over
// is refused, goes on being refused while auth is silent, and ends with its tokens.
func TestFeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := clock.NewManual(start)
		s := &script{answers: []func(context.Context, time.Duration) (Page, error){
			silence, page("", false, over(Session, "ses_3", time.Minute)), // no cursor: that is no page of the feed
			page("1", true, over(Session, "ses_1", time.Minute)),
			func(ctx context.Context, _ time.Duration) (Page, error) {
				_, err := nothing(ctx, time.Second)
				return Page{Next: "1b", More: true}, err
			},
			page("2", false, over(Session, "ses_2", time.Minute), over(Session, "ses_1", time.Minute)),
			silence,
			page("3", false, over(Account, "acc_9", time.Minute)),
		}}
		var seen []string
		f := NewFeed(s.fetch, clk, slog.New(slog.NewTextHandler(io.Discard, nil)))
		f.OnChange(func(c Change) { seen = append(seen, string(c.Kind)+" "+c.ID) })
		if err := f.Ready(); !errors.Is(err, ErrUnheard) {
			t.Errorf("ready before the start: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(500 * time.Millisecond)
		if err := f.Ready(); !errors.Is(err, ErrUnheard) {
			t.Errorf("ready in the middle of the pages: %v", err)
		}
		if err := f.Check(t.Context(), "acc_1", "ses_1"); !errors.Is(err, ErrRevoked) {
			t.Errorf("who waited: %v", err)
		}
		if err := f.Check(t.Context(), "acc_1", "ses_3"); err != nil || f.Ready() != nil {
			t.Errorf("somebody else: %v, ready %v", err, f.Ready())
		}
		time.Sleep(10 * time.Second)
		for session, want := range map[string]error{"ses_1": ErrRevoked, "ses_2": ErrRevoked, "ses_3": nil} {
			if err := f.Check(t.Context(), "acc_1", session); !errors.Is(err, want) {
				t.Errorf("%s: %v", session, err)
			}
		}
		if err := f.Check(t.Context(), "acc_9", "ses_9"); !errors.Is(err, ErrRevoked) {
			t.Errorf("a frozen account: %v", err)
		}
		clk.Advance(time.Minute)
		if err := f.Check(t.Context(), "acc_1", "ses_1"); err != nil {
			t.Errorf("when its tokens have ended: %v", err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := strings.Join(seen, ", "); got != "session ses_1, session ses_2, account acc_9" {
			t.Errorf("told: %s", got)
		}
		if s.waited[0] != 6 { // the first page without more is the fifth answer
			t.Errorf("waited at %v", s.waited)
		}
		if got := strings.Join(s.asked[:7], ","); got != ",,,1,1b,2,2" {
			t.Errorf("asked with %s", got)
		}
	})
}

// A service that hears nothing answers 503 after a moment, and at once to who has no time.
func TestUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		for range 1000 {
			s.answers = append(s.answers, silence)
		}
		f, log := follow(t, s, clock.NewManual(start))
		began := time.Now()
		err := f.Check(t.Context(), "acc_1", "ses_1")
		if fault.From(err).Kind != fault.KindUnavailable || time.Since(began) != patience {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		began = time.Now()
		if err := f.Check(ctx, "acc_1", "ses_1"); !errors.Is(err, ErrUnheard) || time.Since(began) != 10*time.Millisecond {
			t.Errorf("in a hurry: %v after %s", err, time.Since(began))
		}
		time.Sleep(10 * time.Second)
		if n := strings.Count(log.String(), "silent"); n != 1 {
			t.Errorf("silence is logged %d times", n)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if tries := len(s.asked); tries < 10 || tries > 100 {
			t.Errorf("%d tries in 12 s", tries)
		}
	})
}

// An instance of auth that vanished without a word holds the feed for a few seconds, no longer.
func TestStuckPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := func(ctx context.Context, _ time.Duration) (Page, error) { <-ctx.Done(); return Page{}, ctx.Err() }
		s := &script{answers: []func(context.Context, time.Duration) (Page, error){page("1", false), stuck, page("2", false, over(Session, "ses_1", time.Minute))}}
		f, _ := follow(t, s, clock.NewManual(start))
		time.Sleep(longPoll + answerIn + time.Second)
		if err := f.Check(t.Context(), "acc_1", "ses_1"); !errors.Is(err, ErrRevoked) {
			t.Errorf("%v", err)
		}
	})
}

func BenchmarkHolds(b *testing.B) {
	var s Set
	for i := range 60_000 {
		s.Add(over(Session, fmt.Sprint(i), time.Hour))
	}
	b.ReportAllocs()
	for b.Loop() {
		if s.Holds("acc_1", "ses_1", start) {
			b.Fatal("holds")
		}
	}
}
