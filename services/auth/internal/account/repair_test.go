package account_test

import (
	"context"
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

// MU A39: a change that comes while the end of a former one is finished keeps its own mark, and so is finished later.
func TestSecondEndKeepsItsMark(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	h.signIn("ana", phone, atHome)
	second := func() {
		broken := h.with(stopping{h.store}, cheap, settings())
		h.signInWith("ana", otherPassword)
		h.want(broken.Reset(t.Context(), a.ID, "second", h.version(a.ID), secret.NewString("granite kettle 19 violet sparrow"), abroad), errStopped)
	}
	svc := h.with(&whileEnding{Store: h.store, do: sync.OnceFunc(second)}, cheap, settings())
	h.must(svc.Reset(t.Context(), a.ID, "first", h.version(a.ID), secret.NewString(otherPassword), abroad))
	now, err := h.store.Account(t.Context(), a.ID)
	h.must(err)
	if now.Ending.At.IsZero() || now.SessionEpoch != 2 {
		t.Errorf("the mark of the second change is gone: %+v, epoch %d", now.Ending, now.SessionEpoch)
	}
}

// whileEnding does something after a session was marked.
type whileEnding struct {
	*sqlite.Store
	do func()
}

func (w *whileEnding) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	err := w.Store.UpdateSession(ctx, id, change)
	w.do()
	return err
}

// KA D4: any number of accounts that can't be repaired, all of them due before the others, keep no other waiting; and each
// is tried less and less often.
func TestRepairIsNotHeldUp(t *testing.T) {
	h := newHarness(t)
	const poisoned = 250 // more than two batches
	stuck := map[string]bool{}
	end := func(name string, at time.Time) string {
		a := account.Account{ID: "acc_" + name, NameKey: name, Ending: account.Ending{Reason: "x", At: at}, SessionEpoch: 1}
		h.must(h.store.CreateAccount(t.Context(), a))
		sess := account.Session{ID: "ses_" + name, Account: a.ID, ExpiresAt: h.clk.Now().Add(24 * time.Hour)}
		h.must(h.store.BeginSession(t.Context(), a.ID, func(*account.Account) (account.Session, []record.Event, error) { return sess, nil, nil }))
		return sess.ID
	}
	for i := range poisoned {
		stuck[end(fmt.Sprintf("poison%03d", i), h.clk.Now().Add(-time.Hour))] = true
	}
	end("sound", h.clk.Now().Add(-time.Minute))
	end("ahead", h.clk.Now().Add(2*time.Hour)) // AG D5: written before the clock was set back
	store := &counting{Store: stuckAt{h.store, stuck}}
	svc := h.with(store, cheap, settings())
	err := svc.Repair(t.Context())
	h.want(err, errStopped)
	if n := strings.Count(err.Error(), "acc_poison"); n != poisoned {
		t.Errorf("%d of %d are named", n, poisoned)
	}
	revoked := map[string]bool{}
	for _, e := range h.events(record.SessionRevoked) {
		revoked[e.Session] = true
	}
	if len(revoked) != 2 || !revoked["ses_sound"] || !revoked["ses_ahead"] {
		t.Errorf("told: %v", revoked)
	}
	tries := func() int {
		before := store.sessions
		_ = svc.Repair(t.Context()) // the same errors
		return store.sessions - before
	}
	if n := tries(); n != 0 {
		t.Errorf("%d tries at once", n)
	}
	h.clk.Advance(time.Minute - time.Millisecond)
	if n := tries(); n != 0 {
		t.Errorf("%d tries before a minute", n)
	}
	h.clk.Advance(time.Millisecond)
	if n := tries(); n != poisoned {
		t.Errorf("%d tries after a minute", n)
	}
	h.clk.Advance(2*time.Minute - time.Millisecond)
	if n := tries(); n != 0 {
		t.Errorf("%d tries before two more", n)
	}
	h.clk.Advance(time.Millisecond)
	if n := tries(); n != poisoned {
		t.Errorf("%d tries after two more", n)
	}
	h.clk.Advance(-2 * time.Hour) // the pauses don't grow with a clock that was set back
	if n := tries(); n != poisoned {
		t.Errorf("%d tries when the clock was set back", n)
	}
	clear(stuck)
	h.clk.Advance(3 * time.Hour)
	h.must(svc.Repair(t.Context()))
	if n := len(h.events(record.SessionRevoked)); n != poisoned+2 {
		t.Errorf("%d sessions were told in the end", n)
	}
}

// counting counts the sessions that somebody tries to change.
type counting struct {
	account.Store
	sessions int
}

func (c *counting) UpdateSession(ctx context.Context, id string, change func(*account.Session) ([]record.Event, error)) error {
	c.sessions++
	return c.Store.UpdateSession(ctx, id, change)
}
