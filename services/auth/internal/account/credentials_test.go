package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/record"
	"centinela/shared/secret"
)

func TestChangePassword(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	mine, other := h.signIn("ana", phone, atHome), h.signIn("ana", laptop, atHome)
	p := h.person(mine)
	change := func(current, fresh string) error {
		return h.ChangePassword(t.Context(), p, secret.NewString(current), secret.NewString(fresh), atHome)
	}
	h.want(change(goodPassword, "aaaaaaaaaaaaaaaaaaaa"), password.ErrTooWeak)
	h.want(change(otherPassword, otherPassword), account.ErrCredentials)
	h.clk.Advance(time.Second)
	h.must(change(goodPassword, otherPassword))
	if !h.alive(p) || h.alive(h.person(other)) {
		t.Error("one's own session must live, the others must not")
	}
	if _, err := h.refresh(mine.Refresh, phone); err != nil {
		t.Errorf("refresh of one's own session: %v", err)
	}
	if _, err := h.try("ana", goodPassword, phone, atHome); !errors.Is(err, account.ErrCredentials) {
		t.Errorf("old password: %v", err)
	}
	if _, err := h.try("ana", otherPassword, phone, atHome); err != nil {
		t.Errorf("new password: %v", err)
	}
	now, err := h.store.Account(t.Context(), a.ID)
	h.must(err)
	changed := h.events(record.PasswordChanged)
	if now.LastSecurityChangeAt != h.clk.Now() || !now.Ending.At.IsZero() || len(changed) != 2 || changed[1].Outcome != record.Success {
		t.Errorf("account %s, ending %+v, %d events", now.LastSecurityChangeAt, now.Ending, len(changed))
	}
	for range 5 {
		h.want(change("wrong", goodPassword), account.ErrCredentials)
	}
	h.want(change(otherPassword, goodPassword), throttle.ErrTooMany)
}

// Who proves the password has guessed nothing, whatever becomes of the change.
func TestChangeThatFailsCostsNoTry(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	p := h.person(h.signIn("ana", phone, atHome))
	svc := h.with(cannotChange{h.store}, cheap, settings())
	for range 6 {
		err := svc.ChangePassword(t.Context(), p, secret.NewString(goodPassword), secret.NewString(otherPassword), atHome)
		if !errors.Is(err, errStopped) {
			t.Fatalf("error %v", err)
		}
	}
	h.must(h.ChangePassword(t.Context(), p, secret.NewString(goodPassword), secret.NewString(otherPassword), atHome))
}

// cannotChange is a store that changes no account.
type cannotChange struct{ account.Store }

func (cannotChange) UpdateAccount(context.Context, string, func(*account.Account) ([]record.Event, error)) error {
	return errStopped
}

// MU A30: a reset that comes while the password is changed wins.
func TestResetWinsOverChangePassword(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	thief := h.person(h.signIn("ana", laptop, abroad))
	reset := func() {
		h.must(h.Reset(t.Context(), a.ID, "reset-1", h.version(a.ID), secret.NewString(otherPassword), atHome))
	}
	svc := h.with(&overlapping{Store: h.store, when: "update", do: sync.OnceFunc(reset)}, cheap, settings())
	h.want(svc.ChangePassword(t.Context(), thief, secret.NewString(goodPassword), secret.NewString("granite kettle 19 violet sparrow"), abroad), account.ErrWrongPassword)
	h.signInWith("ana", otherPassword)
	if h.alive(thief) || len(h.events(record.PasswordChanged)) != 0 {
		t.Error("the change was made, or the session lives")
	}
}

// MU A26: a saved code is its account's: its hash is of no use in another one.
func TestSavedCodeOfAnotherAccount(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("ana")
	b, _ := h.signUp("eva")
	h.must(h.store.UpdateAccount(t.Context(), b.ID, func(b *account.Account) ([]record.Event, error) {
		b.SavedCodes = a.SavedCodes
		return nil, nil
	}))
	h.want(h.Redeem(t.Context(), b.ID, "r1", codes[0].Reveal(), atHome), account.ErrCodeInvalid)
	h.must(h.Redeem(t.Context(), a.ID, "r1", codes[0].Reveal(), atHome))
}

// What can't be a saved code costs no try and leaves no trace; what people make of one when they read it off paper is it.
func TestRedeemWhatIsTyped(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("ana")
	for range 30 {
		for _, typed := range []string{"", " ", "1234", "¡hola!", strings.Repeat("A", 200), "ÁÉÍÓ-ÁÉÍÓ-ÁÉÍÓ-ÁÉÍÓ"} {
			h.want(h.Redeem(t.Context(), a.ID, "r", typed, abroad), account.ErrCodeInvalid)
		}
	}
	if n := len(h.events(record.SavedCodeUsed)); n != 0 {
		t.Errorf("%d events", n)
	}
	h.want(h.Redeem(t.Context(), "acc_"+strings.Repeat("0", 24), "r", "0000-0000-0000-0000", abroad), account.ErrCodeInvalid)
	if n := len(h.events(record.SavedCodeUsed)); n != 0 {
		t.Errorf("%d events of nobody", n)
	}
	for i, typed := range []string{
		strings.ToLower(strings.ReplaceAll(codes[0].Reveal(), "-", "")),
		"\u2068 " + strings.ReplaceAll(codes[1].Reveal(), "-", " – ") + "\u200b",
		strings.NewReplacer("0", "o", "1", "I").Replace(codes[2].Reveal()),
		strings.NewReplacer("0", "٠", "1", "١", "2", "٢").Replace(codes[3].Reveal()),
	} {
		h.must(h.Redeem(t.Context(), a.ID, fmt.Sprint(i), typed, atHome))
	}
}

func TestIssueSavedCodes(t *testing.T) {
	h := newHarness(t)
	a, old := h.signUp("ana")
	p := h.person(h.signIn("ana", phone, atHome))
	fresh, err := h.IssueSavedCodes(t.Context(), p, atHome)
	h.must(err)
	h.want(h.Redeem(t.Context(), a.ID, "r1", old[0].Reveal(), abroad), account.ErrCodeInvalid)
	h.must(h.Redeem(t.Context(), a.ID, "r1", fresh[0].Reveal(), abroad))
	if got, err := h.Me(t.Context(), p); err != nil || got.CodesLeft() != 3 {
		t.Errorf("%d left, %v", got.CodesLeft(), err)
	}
}

// R6.1: a thief who is put out by a reset at this very moment gets no codes to come back with.
func TestResetWinsOverIssueSavedCodes(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("ana")
	thief := h.person(h.signIn("ana", laptop, abroad))
	reset := func() {
		h.must(h.Reset(t.Context(), a.ID, "reset-1", h.version(a.ID), secret.NewString(otherPassword), atHome))
	}
	svc := h.with(&overlapping{Store: h.store, when: "update", do: sync.OnceFunc(reset)}, cheap, settings())
	fresh, err := svc.IssueSavedCodes(t.Context(), thief, abroad)
	h.want(err, account.ErrSessionRevoked)
	if len(fresh) != 0 {
		t.Errorf("%d codes were given out", len(fresh))
	}
	h.must(h.Redeem(t.Context(), a.ID, "r1", codes[0].Reveal(), atHome))
}

func TestRedeem(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("ana")
	eva, _ := h.signUp("eva")
	redeem := func(account, redemption, code string) error {
		return h.Redeem(t.Context(), account, redemption, code, abroad)
	}

	h.want(redeem(eva.ID, "r1", codes[0].Reveal()), account.ErrCodeInvalid) // of another account
	h.want(redeem("acc_"+strings.Repeat("0", 24), "r1", codes[0].Reveal()), account.ErrCodeInvalid)
	h.want(redeem(a.ID, "r1", "0000-0000-0000-0000"), account.ErrCodeInvalid)
	h.must(redeem(a.ID, "r1", strings.ToLower(strings.ReplaceAll(codes[0].Reveal(), "-", " "))))
	for range 12 { // a lost answer, again and again
		h.must(redeem(a.ID, "r1", codes[0].Reveal()))
	}
	h.want(redeem(a.ID, "r2", codes[0].Reveal()), account.ErrCodeInvalid)
	// A person reads 0 as O and 1 as I or L.
	typed := strings.NewReplacer("0", "O", "1", "l").Replace(codes[1].Reveal())
	h.must(redeem(a.ID, "r3", typed))
	if used := h.events(record.SavedCodeUsed); len(used) == 0 || strings.Contains(fmt.Sprint(used), codes[0].Reveal()) {
		t.Errorf("%d events, or a code in them", len(used))
	}
}

// Exactly once: of N redemptions of one code one wins.
func TestRedeemOneWinner(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("ana")
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			err := h.Redeem(t.Context(), a.ID, fmt.Sprintf("r%d", i), codes[0].Reveal(), abroad)
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, account.ErrCodeInvalid) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d winners", won.Load())
	}
}

// Strangers may try saved codes at anybody's account: it costs the owner nothing (design auth.md, "never a lock that a
// stranger can trigger"; R6.1), and fills the owner's record no further than the budget.
func TestRedeemThrottle(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("ana")
	for i := range 10 {
		h.want(h.Redeem(t.Context(), a.ID, fmt.Sprintf("r%d", i), "0000-0000-0000-0000", abroad), account.ErrCodeInvalid)
	}
	wrong := func() error { return h.Redeem(t.Context(), a.ID, "r", "0000-0000-0000-0000", abroad) }
	h.want(wrong(), throttle.ErrTooMany)
	if n := len(h.events(record.SavedCodeUsed)); n != 10 {
		t.Errorf("%d wrong codes are in the owner's record", n)
	}
	h.want(h.Redeem(t.Context(), "acc_"+strings.Repeat("0", 24), "r", "0000-0000-0000-0000", abroad), account.ErrCodeInvalid)
	// The owner's own code goes through, and what was used goes on being used.
	h.must(h.Redeem(t.Context(), a.ID, "mine", codes[0].Reveal(), atHome))
	h.must(h.Redeem(t.Context(), a.ID, "mine", codes[0].Reveal(), atHome))
	h.want(h.Redeem(t.Context(), a.ID, "again", codes[0].Reveal(), abroad), throttle.ErrTooMany)
	h.clk.Advance(24 * time.Hour)
	h.want(wrong(), account.ErrCodeInvalid)
}

// V22: a reset is compared with the security version that the recovery was decided on: of two decided on the same facts
// one wins, a change of the owner's wins over both, and nothing of what was refused is kept. Facts name the resets.
func TestResetComparesTheSecurityVersion(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	owner := h.person(h.signIn("ana", phone, atHome))
	reset := func(id string, version int64, password string) error {
		return h.Reset(t.Context(), a.ID, id, version, secret.NewString(password), abroad)
	}
	decidedOn := h.version(a.ID)
	if _, err := h.IssueSavedCodes(t.Context(), owner, atHome); err != nil || h.version(a.ID) != decidedOn+1 {
		t.Errorf("codes are a security change: version %d, %v", h.version(a.ID), err)
	}
	h.want(reset("x1", decidedOn, otherPassword), account.ErrSecurityChanged)
	h.want(reset("x1", decidedOn+2, otherPassword), account.ErrSecurityChanged)
	if !h.alive(owner) || len(h.events(record.PasswordReset)) != 0 {
		t.Error("a refused reset changed something")
	}
	decidedOn = h.version(a.ID)
	h.must(reset("x1", decidedOn, otherPassword))
	h.want(reset("x2", decidedOn, goodPassword), account.ErrSecurityChanged)
	h.must(reset("x1", decidedOn, goodPassword)) // its answer was lost
	h.must(reset("x3", decidedOn+1, goodPassword))
	facts, found, err := h.FactsOf(t.Context(), a.ID, "")
	h.must(err)
	if !found || len(facts.Resets) != 2 || facts.Resets[0].ID != "x1" || facts.Resets[1].ID != "x3" || facts.SecurityVersion != decidedOn+2 {
		t.Errorf("facts %+v", facts)
	}
}

// A32: two at once with the same id, and two with different ones, between reading the account and changing it.
func TestResetsAtOnce(t *testing.T) {
	for _, c := range []struct {
		name, second string
		want         error
	}{{"same_id", "x1", nil}, {"other_id", "x2", account.ErrSecurityChanged}} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			a, _ := h.signUp("ana")
			first := func() { h.must(h.Reset(t.Context(), a.ID, "x1", 1, secret.NewString(otherPassword), abroad)) }
			svc := h.with(&overlapping{Store: h.store, when: "update", do: sync.OnceFunc(first)}, cheap, settings())
			h.want(svc.Reset(t.Context(), a.ID, c.second, 1, secret.NewString("granite kettle 19 violet sparrow"), abroad), c.want)
			if _, err := h.try("ana", otherPassword, phone, atHome); err != nil {
				t.Errorf("the first one's password: %v", err)
			}
			if n := len(h.events(record.PasswordReset)); n != 1 || h.version(a.ID) != 2 {
				t.Errorf("%d resets, version %d", n, h.version(a.ID))
			}
		})
	}
}

// R4: the reset that recovery allowed ends every session, and the gateway can hear of each.
func TestReset(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	one, two := h.signIn("ana", phone, atHome), h.signIn("ana", laptop, atHome)
	h.clk.Advance(time.Minute)
	reset := func(id, password string) error {
		return h.Reset(t.Context(), a.ID, id, 1, secret.NewString(password), abroad)
	}
	h.want(reset("x1", "aaaaaaaaaaaaaaaaaaaa"), password.ErrTooWeak)
	h.want(h.Reset(t.Context(), "acc_"+strings.Repeat("0", 24), "x1", 1, secret.NewString(otherPassword), abroad), account.ErrNotFound)
	h.must(reset("x1", otherPassword))
	at := h.clk.Now()
	if h.alive(h.person(one)) || h.alive(h.person(two)) {
		t.Error("a session outlived the reset")
	}
	revoked := map[string]bool{}
	for _, e := range h.events(record.SessionRevoked) {
		revoked[e.Session] = e.Data["expires_at"] != "" && e.Account == a.ID
	}
	if len(revoked) != 2 || !revoked[one.Session] || !revoked[two.Session] {
		t.Errorf("revoked %v", revoked)
	}
	fresh, err := h.try("ana", otherPassword, phone, atHome)
	h.must(err)

	// The same reset again, even with another password, changes nothing.
	h.clk.Advance(time.Minute)
	h.must(reset("x1", goodPassword))
	h.must(reset("x1", "weak"))
	if !h.alive(h.person(fresh)) {
		t.Error("a repeat ended a session that came after")
	}
	if _, err := h.try("ana", goodPassword, phone, atHome); !errors.Is(err, account.ErrCredentials) {
		t.Errorf("a repeat set the password: %v", err)
	}
	now, err := h.store.Account(t.Context(), a.ID)
	h.must(err)
	if now.LastResetAt() != at || now.LastSecurityChangeAt != at || len(h.events(record.PasswordReset)) != 1 {
		t.Errorf("last reset %s, last change %s", now.LastResetAt(), now.LastSecurityChangeAt)
	}
}
