package account_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/name"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/signing"
	"centinela/services/auth/internal/store/sqlite"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/clock"
	"centinela/shared/outbox/outboxtest"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const (
	goodPassword  = "pelican orbit mustard 42 lantern"
	otherPassword = "velvet anchor tundra 77 biscuit"
)

var (
	cheap     = password.Params{MemoryKiB: 19 << 10, Time: 2, Threads: 1}
	phone     = secret.NewString("a-device-key-of-at-least-32-characters")
	laptop    = secret.NewString("another-device-key-of-32-characters-00")
	atHome    = record.Origin{Address: "203.0.113.7", UserAgent: "test", RequestID: "req_1"}
	abroad    = record.Origin{Address: "198.51.100.9"}
	elsewhere = record.Origin{Address: "192.0.2.1"}
)

type harness struct {
	*account.Service
	t      *testing.T
	store  *sqlite.Store
	clk    *clock.Manual
	pepper secret.Key
	issuer account.Issuer
}

func settings() account.Settings {
	return account.Settings{
		Names: name.NewRules(nil), Passwords: password.Rules{Least: 15}, Fresh: 10 * time.Minute, SignInFloor: time.Millisecond,
		IdleFor: 7 * 24 * time.Hour, AtMost: 30 * 24 * time.Hour, MaxSessions: 20, ReuseGrace: 10 * time.Second,
		AccessFor: 10 * time.Minute,
	}
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "auth.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{
		t: t, store: store, clk: clock.NewManual(time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)),
		pepper: secret.RandomKey(), issuer: signing.New(key),
	}
	h.Service = h.with(store, cheap, settings())
	return h
}

func (h *harness) with(store account.Store, params password.Params, s account.Settings) *account.Service {
	h.t.Helper()
	tries, err := throttle.New(h.store.Counters(), h.pepper, h.clk, throttle.Settings{SignUpsHourly: 20, CodesDaily: 10})
	h.must(err)
	return account.New(account.Deps{
		Store: store, Throttle: tries, Hasher: password.NewHasher(params, 256<<10, h.pepper), Issuer: h.issuer, Key: h.pepper, Clock: h.clk,
		Kick: func() {}, Ended: func(account.Session) {},
	}, s)
}

func (h *harness) signUp(userName string) (account.Account, []secret.String) {
	h.t.Helper()
	a, codes, err := h.SignUp(h.t.Context(), account.NewAccount{UserName: userName, Password: secret.NewString(goodPassword), Locale: "en"}, atHome)
	h.must(err)
	return a, codes
}

func (h *harness) try(identifier, typed string, device secret.String, from record.Origin) (account.Tokens, error) {
	return h.SignIn(h.t.Context(), account.SignIn{Identifier: identifier, Password: secret.NewString(typed), DeviceKey: device}, from)
}

func (h *harness) signIn(identifier string, device secret.String, from record.Origin) account.Tokens {
	h.t.Helper()
	tokens, err := h.try(identifier, goodPassword, device, from)
	h.must(err)
	return tokens
}

// signInWith is a sign-in without a device from nowhere, with that password.
func (h *harness) signInWith(identifier, typed string) {
	h.t.Helper()
	_, err := h.try(identifier, typed, secret.String{}, elsewhere)
	h.must(err)
}

func (h *harness) person(tokens account.Tokens) account.Person {
	return account.Person{Account: tokens.Account, Session: tokens.Session, AuthTime: h.clk.Now()}
}

func (h *harness) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) want(got, want error) {
	h.t.Helper()
	if !errors.Is(got, want) || (want == nil && got != nil) {
		h.t.Errorf("error %v, want %v", got, want)
	}
}

// events of that action, oldest first.
func (h *harness) events(action string) []record.Event {
	h.t.Helper()
	all, err := outboxtest.Read(h.t.Context(), h.store, 1000)
	h.must(err)
	var found []record.Event
	for _, e := range all {
		if e.Action == action {
			found = append(found, e)
		}
	}
	return found
}

// version is the account's security version.
func (h *harness) version(account string) int64 {
	h.t.Helper()
	facts, _, err := h.FactsOf(h.t.Context(), account, "")
	h.must(err)
	return facts.SecurityVersion
}

func (h *harness) alive(p account.Person) bool {
	return h.Admit(h.t.Context(), p, "getMe") == nil
}
