package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/store/sqlite"
	"centinela/shared/record"
	"centinela/shared/secret"
)

func (h *harness) refresh(token, device secret.String) (account.Tokens, error) {
	return h.Refresh(h.t.Context(), token, device, atHome)
}

func TestRefreshRotates(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	first := h.signIn("ana", phone, atHome)
	h.clk.Advance(time.Minute)
	second, err := h.refresh(first.Refresh, phone)
	h.must(err)
	if second.Session != first.Session || second.Refresh.Equal(first.Refresh) || second.RefreshUntil != h.clk.Now().Add(7*24*time.Hour) {
		t.Errorf("second %+v", second)
	}
	if _, err := h.refresh(second.Refresh, secret.String{}); err != nil {
		t.Errorf("the current token needs no device key: %v", err)
	}
	if got := h.events(record.SessionRefreshed); len(got) != 2 || got[0].Session != first.Session {
		t.Errorf("events %+v", got)
	}
}

// design auth.md: a lost answer may be asked for again for 10 s from the same device; any other reuse kills the session.
func TestRefreshReuse(t *testing.T) {
	for name, c := range map[string]struct {
		after  time.Duration
		device secret.String
		lives  bool
	}{
		"lost answer":                    {0, phone, true},
		"lost answer, at 10 s":           {10 * time.Second, phone, true},
		"lost answer, 1 ms after 10 s":   {10*time.Second + time.Millisecond, phone, false},
		"within 10 s from another":       {0, laptop, false},
		"within 10 s from no device key": {0, secret.String{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.signUp("ana")
			first := h.signIn("ana", phone, atHome)
			second, err := h.refresh(first.Refresh, phone)
			h.must(err)
			h.clk.Advance(c.after)
			third, err := h.refresh(first.Refresh, c.device)
			if c.lives {
				h.must(err)
				if _, err := h.refresh(third.Refresh, phone); err != nil {
					t.Errorf("the new pair: %v", err)
				}
				return
			}
			h.want(err, account.ErrTokenInvalid)
			_, err = h.refresh(second.Refresh, phone)
			h.want(err, account.ErrSessionRevoked)
			if h.alive(h.person(first)) {
				t.Error("the session lives")
			}
			reused, revoked := h.events(record.SessionRefreshReused), h.events(record.SessionRevoked)
			if len(reused) != 1 || len(revoked) != 1 || revoked[0].Session != first.Session || revoked[0].Data["expires_at"] == "" {
				t.Errorf("events %+v %+v", reused, revoked)
			}
		})
	}
}

// MU A06: repeating a lost answer doesn't lengthen the time in which it may be repeated; neither does a clock that is set
// back (AG D5).
func TestRefreshGraceIsNotLengthened(t *testing.T) {
	for name, back := range map[string]time.Duration{"repeated": 0, "clock_set_back": 2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.signUp("ana")
			first := h.signIn("ana", phone, atHome)
			h.clk.Advance(time.Minute)
			_, err := h.refresh(first.Refresh, phone)
			h.must(err)
			h.clk.Advance(-back)
			if back == 0 {
				h.clk.Advance(8 * time.Second)
			}
			_, err = h.refresh(first.Refresh, phone)
			h.must(err)
			h.clk.Advance(10*time.Second + time.Millisecond)
			_, err = h.refresh(first.Refresh, phone)
			h.want(err, account.ErrTokenInvalid)
			if h.alive(h.person(first)) {
				t.Error("the session lives")
			}
		})
	}
}

// AG D5: a sign-in of another process whose clock is a little ahead is fresh; one of a clock that was set back by hours is
// not fresh until then.
func TestFreshAcrossClocks(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	p := h.person(h.signIn("ana", phone, atHome))
	h.clk.Advance(-30 * time.Second)
	h.must(h.Admit(t.Context(), p, "changePassword"))
	h.clk.Advance(-2 * time.Hour)
	h.want(h.Admit(t.Context(), p, "changePassword"), account.ErrNotFresh)
	h.must(h.Admit(t.Context(), p, "getMe"))
	h.must(h.Admit(t.Context(), h.person(h.signIn("ana", phone, atHome)), "changePassword"))
}

// Any token that ever was of the session is known again, however many rotations ago; made-up ones can't end a session.
func TestRefreshOldAndForged(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	first := h.signIn("ana", phone, atHome)
	current := first
	for range 3 {
		h.clk.Advance(time.Minute)
		next, err := h.refresh(current.Refresh, phone)
		h.must(err)
		current = next
	}
	parts := strings.Split(current.Refresh.Reveal(), ".")
	for name, forged := range map[string]string{
		"made up":        first.Session + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"other random":   first.Session + "." + strings.Repeat("A", len(parts[1])) + "." + parts[2],
		"other session":  "ses_" + strings.Repeat("0", 24) + "." + parts[1] + "." + parts[2],
		"no token":       "x",
		"empty parts":    "..",
		"access token":   current.Access.Reveal(),
		"with operators": `{"$gt":""}`,
	} {
		if _, err := h.refresh(secret.NewString(forged), phone); !errors.Is(err, account.ErrTokenInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !h.alive(h.person(first)) {
		t.Fatal("a made-up token ended the session")
	}
	_, err := h.refresh(first.Refresh, phone)
	h.want(err, account.ErrTokenInvalid)
	if h.alive(h.person(first)) {
		t.Error("an old token of ours did not end the session")
	}
}

// Of many refreshes with one token at once, no two leave the session with two current tokens.
func TestRefreshRace(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	first := h.signIn("ana", phone, atHome)
	var mu sync.Mutex
	var got []account.Tokens
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if tokens, err := h.refresh(first.Refresh, phone); err == nil {
				mu.Lock()
				got = append(got, tokens)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	h.clk.Advance(time.Minute)
	sess, err := h.store.Session(t.Context(), first.Session)
	h.must(err)
	current := 0
	for _, tokens := range got {
		if secret.Equal(secret.Hash(tokens.Refresh.Reveal()), sess.RefreshHash) {
			current++
		}
	}
	if len(got) != 8 || current != 1 {
		t.Errorf("%d answers, %d current", len(got), current)
	}
}

func TestRefreshExpiry(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		steps []time.Duration // each followed by a refresh
		want  error
	}{
		"1 ms before 7 idle days": {[]time.Duration{7*day - time.Millisecond}, nil},
		"at 7 idle days":          {[]time.Duration{7 * day}, account.ErrTokenExpired},
		"used, 1 ms before 30":    {[]time.Duration{6 * day, 6 * day, 6 * day, 6 * day, 6*day - time.Millisecond}, nil},
		"used, at 30":             {[]time.Duration{6 * day, 6 * day, 6 * day, 6 * day, 6 * day}, account.ErrTokenExpired},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.signUp("ana")
			tokens := h.signIn("ana", phone, atHome)
			for i, step := range c.steps {
				h.clk.Advance(step)
				next, err := h.refresh(tokens.Refresh, phone)
				if i == len(c.steps)-1 {
					h.want(err, c.want)
					continue
				}
				h.must(err)
				tokens = next
			}
		})
	}
}

// design auth.md, "Never": somebody else's id answers like one that doesn't exist.
func TestRevoke(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	h.signUp("eva")
	one, two, other := h.signIn("ana", phone, atHome), h.signIn("ana", laptop, atHome), h.signIn("eva", phone, abroad)
	h.want(h.Revoke(t.Context(), h.person(one), other.Session, atHome), account.ErrNotFound)
	h.want(h.Revoke(t.Context(), h.person(one), "ses_"+strings.Repeat("0", 24), atHome), account.ErrNotFound)
	if !h.alive(h.person(other)) {
		t.Fatal("ended somebody else's session")
	}
	h.must(h.Revoke(t.Context(), h.person(one), two.Session, atHome))
	h.must(h.Revoke(t.Context(), h.person(one), two.Session, atHome)) // again
	if h.alive(h.person(two)) || !h.alive(h.person(one)) {
		t.Error("the wrong session is alive")
	}
	revoked := h.events(record.SessionRevoked)
	if len(revoked) != 1 {
		t.Fatalf("%d events", len(revoked))
	}
	until, err := time.Parse(time.RFC3339, fmt.Sprint(revoked[0].Data["expires_at"]))
	if err != nil || !until.Equal(h.clk.Now().Add(10*time.Minute)) || revoked[0].Session != two.Session {
		t.Errorf("event %+v", revoked[0])
	}
	three := h.signIn("ana", laptop, atHome)
	n, err := h.RevokeOthers(t.Context(), h.person(three), atHome)
	h.must(err)
	if n != 1 || h.alive(h.person(one)) || !h.alive(h.person(three)) {
		t.Errorf("%d ended", n)
	}
}

// The table of what takes a fresh sign-in; a refresh doesn't make one fresh.
func TestFresh(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	tokens := h.signIn("ana", phone, atHome)
	p := h.person(tokens)
	h.clk.Advance(10*time.Minute - time.Millisecond)
	for operation := range account.FreshOnly {
		h.must(h.Admit(t.Context(), p, operation))
	}
	h.clk.Advance(time.Millisecond)
	for operation := range account.FreshOnly {
		h.want(h.Admit(t.Context(), p, operation), account.ErrNotFresh)
	}
	h.must(h.Admit(t.Context(), p, "getMe"))
}

// A process that stops in the middle of the end of all sessions leaves them dead, and the next one tells the others.
func TestRepair(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	one, two := h.signIn("ana", phone, atHome), h.signIn("ana", laptop, atHome)
	broken := h.with(stopping{h.store}, cheap, settings())
	err := broken.Reset(t.Context(), a.ID, "reset-1", h.version(a.ID), secret.NewString(otherPassword), atHome)
	h.want(err, errStopped)
	if h.alive(h.person(one)) || h.alive(h.person(two)) {
		t.Fatal("a session outlived the reset")
	}
	if _, err := h.refresh(one.Refresh, phone); !errors.Is(err, account.ErrSessionRevoked) {
		t.Errorf("refresh: %v", err)
	}
	h.must(h.Repair(t.Context())) // too early: the other process may be at it
	if got := h.events(record.SessionRevoked); len(got) != 0 {
		t.Errorf("%d events", len(got))
	}
	h.clk.Advance(time.Minute)
	h.must(h.Repair(t.Context()))
	h.must(h.Repair(t.Context()))
	if got := h.events(record.SessionRevoked); len(got) != 2 || got[0].Reason != "password_reset" {
		t.Errorf("events %+v", got)
	}
}

// One account that can't be repaired keeps nobody else's sessions from being told to the gateway.
func TestRepairGoesOn(t *testing.T) {
	h := newHarness(t)
	stuck := map[string]bool{}
	for i, name := range []string{"ana", "eva", "ines"} {
		a, _ := h.signUp(name)
		tokens := h.signIn(name, phone, atHome)
		stuck[tokens.Session] = i == 0
		broken := h.with(stopping{h.store}, cheap, settings())
		h.want(broken.Reset(t.Context(), a.ID, "reset-1", h.version(a.ID), secret.NewString(otherPassword), atHome), errStopped)
		h.clk.Advance(time.Second)
	}
	h.clk.Advance(time.Minute)
	err := h.with(stuckAt{h.store, stuck}, cheap, settings()).Repair(t.Context())
	h.want(err, errStopped)
	if n := len(h.events(record.SessionRevoked)); n != 2 {
		t.Errorf("%d sessions were told, want the 2 of the other accounts", n)
	}
}

// stuckAt is a store that can't change those sessions.
type stuckAt struct {
	account.Store
	stuck map[string]bool
}

func (s stuckAt) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	if s.stuck[id] {
		return errStopped
	}
	return s.Store.UpdateSession(ctx, id, change)
}

var errStopped = errors.New("stopped")

// stopping is the store of a process that ends before it can mark sessions.
type stopping struct{ *sqlite.Store }

func (stopping) UpdateSession(context.Context, string, func(*account.Session) ([]record.Event, error)) error {
	return errStopped
}

// A sign-in that overlaps a reset gets no session out of the old password.
func TestResetWinsOverSignIn(t *testing.T) {
	for name, when := range map[string]string{"before the account is touched": "update", "before the session is made": "create"} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			a, _ := h.signUp("ana")
			reset := func() {
				h.must(h.Reset(t.Context(), a.ID, "reset-1", h.version(a.ID), secret.NewString(otherPassword), abroad))
			}
			svc := h.with(&overlapping{Store: h.store, when: when, do: sync.OnceFunc(reset)}, cheap, settings())
			_, err := svc.SignIn(t.Context(), account.SignIn{Identifier: "ana", Password: secret.NewString(goodPassword)}, atHome)
			h.want(err, account.ErrCredentials)
			now, err := h.store.Account(t.Context(), a.ID)
			h.must(err)
			sessions, err := h.Sessions(t.Context(), account.Person{Account: now.ID})
			h.must(err)
			if len(sessions) != 0 {
				t.Errorf("%d sessions live", len(sessions))
			}
		})
	}
}

type overlapping struct {
	*sqlite.Store
	when string
	do   func()
}

func (o *overlapping) UpdateAccount(ctx context.Context, id string, change func(*account.Account) ([]record.Event, error)) error {
	if o.when == "update" {
		o.do()
	}
	return o.Store.UpdateAccount(ctx, id, change)
}

// BeginSession is in two steps, as on a store that has no transactions.
func (o *overlapping) BeginSession(ctx context.Context, id string, change func(*account.Account) (account.Session, []record.Event, error)) error {
	if o.when == "update" {
		o.do()
	}
	var sess account.Session
	var events []record.Event
	err := o.Store.UpdateAccount(ctx, id, func(a *account.Account) (_ []record.Event, err error) {
		sess, events, err = change(a)
		return nil, err
	})
	if err != nil {
		return err
	}
	if o.when == "create" {
		o.do()
	}
	return o.Store.BeginSession(ctx, id, func(*account.Account) (account.Session, []record.Event, error) { return sess, events, nil })
}
