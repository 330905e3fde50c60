package account_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/name"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/secret"
)

func TestSignUp(t *testing.T) {
	h := newHarness(t)
	a, codes := h.signUp("Ana")
	if len(codes) != 4 || a.CodesLeft() != 4 || codes[0].Equal(codes[1]) {
		t.Errorf("%d codes, %d left", len(codes), a.CodesLeft())
	}
	if len(h.events(record.AccountCreated)) != 1 || len(h.events(record.SavedCodesIssued)) != 1 {
		t.Error("events are missing")
	}
	h.signUp("coco")
	for what, c := range map[string]struct {
		user, password string
		want           error
	}{
		"taken":            {"ANA", goodPassword, account.ErrNameTaken},
		"taken, accented":  {"Aná", goodPassword, account.ErrNameTaken},
		"taken, looks so":  {"сосо", goodPassword, account.ErrNameTaken}, // in Cyrillic
		"mixed scripts":    {"Аnа", goodPassword, name.ErrInvalid},
		"the staff":        {"Soporte_1", goodPassword, name.ErrInvalid},
		"weak":             {"eva", "aaaaaaaaaaaaaaaaaaaa", password.ErrTooWeak},
		"name is no name":  {"e$", goodPassword, name.ErrInvalid},
		"name in password": {"pelican", goodPassword, password.ErrTooWeak},
	} {
		_, _, err := h.SignUp(t.Context(), account.NewAccount{UserName: c.user, Password: secret.NewString(c.password), Locale: "es"}, abroad)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Sign-ups of one source are bounded in an hour: an IPv4 address, an IPv6 /64.
func TestSignUpThrottle(t *testing.T) {
	h := newHarness(t)
	signUp := func(i int, address string) error {
		_, _, err := h.SignUp(t.Context(), account.NewAccount{UserName: "ana", Password: secret.NewString("weak"), Locale: "en"}, record.Origin{Address: address})
		if errors.Is(err, password.ErrTooWeak) {
			return nil
		}
		return err
	}
	for i := range 20 {
		h.must(signUp(i, fmt.Sprintf("2001:db8:1:2::%x", i+1)))
	}
	err := signUp(20, "2001:db8:1:2:ffff::1")
	h.want(err, throttle.ErrTooMany)
	if wait := fault.From(err).RetryAfter; wait != time.Hour {
		t.Errorf("retry after %s", wait)
	}
	h.must(signUp(21, "2001:db8:1:3::1"))
	h.clk.Advance(time.Hour)
	h.must(signUp(22, "2001:db8:1:2::1"))
}

func TestSignIn(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("Ana")
	tokens := h.signIn(" аNA ", phone, atHome) // as people type it
	if tokens.Account != a.ID || tokens.Access.IsZero() || tokens.RefreshUntil != h.clk.Now().Add(7*24*time.Hour) {
		t.Errorf("tokens %+v", tokens)
	}
	if !h.alive(h.person(tokens)) {
		t.Error("the session is not alive")
	}
	created := h.events(record.SessionCreated)
	if len(created) != 1 || created[0].Account != a.ID || created[0].Session != tokens.Session ||
		created[0].Device != account.DeviceHash(phone) || created[0].Address != atHome.Address {
		t.Errorf("events %+v", created)
	}
}

// R4: unknown user and wrong password are one answer, after the same least time.
func TestSignInRefusalIsOne(t *testing.T) {
	h := newHarness(t)
	const floor = 120 * time.Millisecond
	s := settings()
	s.SignInFloor = floor
	svc := h.with(h.store, cheap, s)
	h.signUp("ana")
	took := map[string][]time.Duration{}
	for i := range 8 {
		h.clk.Advance(time.Hour)
		for _, name := range []string{"ana", "nobody"} {
			start := time.Now()
			_, err := svc.SignIn(t.Context(), account.SignIn{Identifier: name, Password: secret.NewString(otherPassword)}, record.Origin{Address: fmt.Sprintf("192.0.2.%d", i)})
			took[name] = append(took[name], time.Since(start))
			if f := fault.From(err); !errors.Is(err, account.ErrCredentials) || f.Detail != account.ErrCredentials.Detail || f.RetryAfter != 0 || len(f.Fields) != 0 {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
	known, unknown := median(took["ana"]), median(took["nobody"])
	if slices.Min(took["ana"]) < floor || slices.Min(took["nobody"]) < floor {
		t.Errorf("under the floor of %s: %s, %s", floor, slices.Min(took["ana"]), slices.Min(took["nobody"]))
	}
	if apart := (known - unknown).Abs(); apart > min(known, unknown)/2 {
		t.Errorf("medians %s (known) and %s (unknown) tell who exists", known, unknown)
	}
	refused := h.events(record.SessionRefused)
	if len(refused) != 16 || refused[0].Account == "" || refused[1].Account != "" {
		t.Errorf("%d events", len(refused))
	}
}

func median(d []time.Duration) time.Duration {
	s := slices.Sorted(slices.Values(d))
	return s[len(s)/2]
}

// design auth.md, "Throttling": from the 5th failure on a growing delay, the same for a name that doesn't exist.
func TestSignInThrottle(t *testing.T) {
	for _, name := range []string{"ana", "nobody"} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.signUp("ana")
			from := func(i int) record.Origin { return record.Origin{Address: fmt.Sprintf("192.0.2.%d", i)} } // only the account's budget is spent
			for i := range 5 {
				_, err := h.try(name, otherPassword, secret.String{}, from(i))
				h.want(err, account.ErrCredentials)
			}
			for i, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
				_, err := h.try(name, goodPassword, secret.String{}, from(10+i))
				h.want(err, throttle.ErrTooMany)
				if got := fault.From(err).RetryAfter; got != wait*time.Second {
					t.Errorf("retry after %s, want %d s", got, wait)
				}
				h.clk.Advance(wait*time.Second - time.Millisecond)
				_, err = h.try(name, goodPassword, secret.String{}, from(30+i))
				h.want(err, throttle.ErrTooMany)
				h.clk.Advance(time.Millisecond)
				_, err = h.try(name, otherPassword, secret.String{}, from(50+i))
				h.want(err, account.ErrCredentials)
			}
		})
	}
}

// The source has a budget of its own, over all names.
func TestSignInThrottleOfSource(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	for i := range 5 {
		_, err := h.try(fmt.Sprintf("name%d", i), otherPassword, secret.String{}, abroad)
		h.want(err, account.ErrCredentials)
	}
	_, err := h.try("ana", goodPassword, secret.String{}, abroad)
	h.want(err, throttle.ErrTooMany)
	if _, err := h.try("ana", goodPassword, secret.String{}, elsewhere); err != nil {
		t.Errorf("another source: %v", err)
	}
}

// Never a lock that a stranger can trigger: known devices and familiar networks have budgets of their own.
func TestSignInLanes(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	h.signIn("ana", phone, atHome)
	for {
		if _, err := h.try("ana", otherPassword, laptop, abroad); errors.Is(err, throttle.ErrTooMany) {
			break
		}
	}
	_, err := h.try("ana", goodPassword, laptop, elsewhere)
	h.want(err, throttle.ErrTooMany) // the anonymous lane of the account is spent
	if _, err := h.try("ana", goodPassword, phone, abroad); err != nil {
		t.Errorf("known device, even behind the stranger's address: %v", err)
	}
	if _, err := h.try("ana", goodPassword, laptop, record.Origin{Address: "203.0.113.99"}); err != nil {
		t.Errorf("familiar network: %v", err)
	}
}

// R6.1: who has the password can't make the account forget the owner's device and network by signing in from others;
// what it remembers stays bounded.
func TestSignInKeepsTheFirstDevices(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	h.signIn("ana", phone, atHome)
	h.must(h.store.UpdateAccount(t.Context(), a.ID, func(b *account.Account) ([]record.Event, error) {
		for i := range 49 { // as many sign-ins of the thief's
			later := h.clk.Now().Add(time.Duration(i+1) * time.Second)
			b.Devices = append(b.Devices, account.Device{Hash: fmt.Sprintf("thief-%d", i), FirstSeen: later, LastSeen: later})
			if i < 19 {
				b.Networks = append(b.Networks, account.Network{Prefix: fmt.Sprintf("198.18.%d.0/24", i), LastSeen: later})
			}
		}
		return nil, nil
	}))
	h.clk.Advance(time.Hour)
	h.signIn("ana", laptop, abroad)
	now, err := h.store.Account(t.Context(), a.ID)
	h.must(err)
	if !now.Knows(account.DeviceHash(phone)) || !now.KnowsNetwork("203.0.113.0/24") {
		t.Error("the owner's device or network is forgotten")
	}
	if !now.Knows(account.DeviceHash(laptop)) || !now.KnowsNetwork("198.51.100.0/24") || now.Knows("thief-9") || now.KnowsNetwork("198.18.4.0/24") {
		t.Error("the newest must be known, and the least recently used of the later ones not")
	}
	if len(now.Devices) != 50 || len(now.Networks) != 20 {
		t.Errorf("%d devices, %d networks", len(now.Devices), len(now.Networks))
	}
}

// Success clears the account's lane.
func TestSignInSuccessClears(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	for range 3 {
		for i := range 4 {
			_, err := h.try("ana", otherPassword, secret.String{}, record.Origin{Address: fmt.Sprintf("192.0.2.%d", i)})
			h.want(err, account.ErrCredentials)
		}
		h.signIn("ana", secret.String{}, record.Origin{})
	}
}

// Whoever has accounts of his own can't wipe with them what his address did to others. Each signs in for the first
// time, so that all of it is in the anonymous lane.
func TestSignInSuccessKeepsTheSource(t *testing.T) {
	h := newHarness(t)
	for i := range 6 {
		h.signUp(fmt.Sprintf("mallory%d", i))
	}
	for i := range 5 {
		h.signIn(fmt.Sprintf("mallory%d", i), secret.String{}, abroad)
		_, err := h.try(fmt.Sprintf("victim%d", i), otherPassword, secret.String{}, abroad)
		h.want(err, account.ErrCredentials)
	}
	_, err := h.try("mallory5", goodPassword, secret.String{}, abroad)
	h.want(err, throttle.ErrTooMany)
}

// A try that was refused for its source was no try at the account: else a spent address could go on to spend accounts.
func TestSignInRefusedTryIsNotCounted(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	for i := range 5 {
		_, err := h.try(fmt.Sprintf("name%d", i), otherPassword, secret.String{}, abroad)
		h.want(err, account.ErrCredentials)
	}
	for range 10 {
		_, err := h.try("ana", otherPassword, secret.String{}, abroad)
		h.want(err, throttle.ErrTooMany)
	}
	for i := range 5 {
		_, err := h.try("ana", otherPassword, secret.String{}, record.Origin{Address: fmt.Sprintf("192.0.2.%d", i)})
		h.want(err, account.ErrCredentials)
	}
}

// A spent source that goes on knocking doesn't lengthen the wait of the others at the account either: never a lock that
// a stranger can trigger (design auth.md, "Throttling").
func TestSignInSpentSourceHoldsNobodyElse(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	fail := func(name string, from record.Origin) {
		t.Helper()
		_, err := h.try(name, otherPassword, secret.String{}, from)
		h.want(err, account.ErrCredentials)
	}
	for i := range 5 {
		fail(fmt.Sprintf("name%d", i), abroad)
	}
	h.clk.Advance(time.Second)
	fail("name5", abroad) // abroad has to wait for 2 s now
	for i := range 5 {
		fail("ana", record.Origin{Address: fmt.Sprintf("192.0.2.%d", 10+i)}) // and ana's anonymous lane for 1 s
	}
	h.clk.Advance(time.Second)
	_, err := h.try("ana", otherPassword, secret.String{}, abroad)
	h.want(err, throttle.ErrTooMany)
	if _, err := h.try("ana", goodPassword, secret.String{}, elsewhere); err != nil {
		t.Errorf("the owner, in time: %v", err)
	}
}

// A try that could not be checked (busy, or a fault of ours) is given back: an outage slows nobody down afterwards.
func TestSignInUncheckedTryIsGivenBack(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	setHash := func(hash string) {
		t.Helper()
		h.must(h.store.UpdateAccount(t.Context(), a.ID, func(b *account.Account) ([]record.Event, error) {
			b.PasswordHash = hash
			return nil, nil
		}))
	}
	p := h.person(h.signIn("ana", phone, atHome))
	change := func() error {
		return h.ChangePassword(t.Context(), p, secret.NewString(goodPassword), secret.NewString(otherPassword), atHome)
	}
	setHash("damaged")
	for range 10 {
		if err := change(); fault.From(err).Kind != fault.KindInternal {
			t.Fatalf("change: error %v", err)
		}
		if _, err := h.try("ana", goodPassword, secret.String{}, abroad); fault.From(err).Kind != fault.KindInternal {
			t.Fatalf("error %v", err)
		}
	}
	setHash(a.PasswordHash)
	h.signIn("ana", secret.String{}, abroad)
	h.must(change())
}

// An unknown name waits for a hash as a known one does: in a flood, who is told "busy" and who "wrong" would else say which
// names there are, whatever the pace.
func TestSignInOfUnknownNamesTakesAHash(t *testing.T) {
	h := newHarness(t)
	svc := h.with(h.store, password.Params{MemoryKiB: 64 << 10, Time: 8, Threads: 64}, settings()) // one at once
	const many = 40
	results := make(chan error, many)
	for i := range many {
		go func() {
			_, err := svc.SignIn(t.Context(), account.SignIn{Identifier: fmt.Sprintf("nobody%d", i), Password: secret.NewString(goodPassword)},
				record.Origin{Address: fmt.Sprintf("192.0.2.%d", i)})
			results <- err
		}()
	}
	busy := 0
	for range many {
		if err := <-results; errors.Is(err, password.ErrBusy) {
			busy++
		} else {
			h.want(err, account.ErrCredentials)
		}
	}
	if busy == 0 {
		t.Error("nobody had to wait")
	}
}

// Parallel guesses buy nothing: the counter is raised before the check.
func TestSignInParallelGuesses(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	results := make(chan error, 20)
	for i := range 20 {
		go func() {
			_, err := h.try("ana", otherPassword, secret.String{}, record.Origin{Address: fmt.Sprintf("192.0.2.%d", i)})
			results <- err
		}()
	}
	checked := 0
	for range 20 {
		if err := <-results; errors.Is(err, account.ErrCredentials) {
			checked++
		}
	}
	if checked != 5 {
		t.Errorf("%d guesses were checked", checked)
	}
}

func TestSignInRehash(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	raised := h.with(h.store, password.Params{MemoryKiB: 20 << 10, Time: 2, Threads: 1}, settings())
	in := account.SignIn{Identifier: "ana", Password: secret.NewString(goodPassword)}
	_, err := raised.SignIn(t.Context(), in, atHome)
	h.must(err)
	now, err := h.store.Account(t.Context(), a.ID)
	h.must(err)
	if now.PasswordHash == a.PasswordHash || now.SessionEpoch != a.SessionEpoch || now.PasswordChangedAt != a.PasswordChangedAt {
		t.Errorf("epoch %d, changed at %s", now.SessionEpoch, now.PasswordChangedAt)
	}
	h.signIn("ana", phone, atHome)
}

// An access token never outlives its session, in the token and in what the app is told: else it would be good elsewhere
// when a reset no longer finds the session to revoke.
func TestAccessTokenEndsWithItsSession(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	issuer := &recording{Issuer: h.issuer}
	h.issuer = issuer
	svc := h.with(h.store, cheap, settings())
	tokens, err := svc.SignIn(t.Context(), account.SignIn{Identifier: "ana", Password: secret.NewString(goodPassword), DeviceKey: phone}, atHome)
	h.must(err)
	if tokens.AccessFor != 10*time.Minute || !issuer.last.ExpiresAt.Equal(h.clk.Now().Add(10*time.Minute)) {
		t.Errorf("at first %s, until %s", tokens.AccessFor, issuer.last.ExpiresAt)
	}
	end := h.clk.Now().Add(30 * 24 * time.Hour)
	for range 4 {
		h.clk.Advance(6 * 24 * time.Hour)
		tokens, err = svc.Refresh(t.Context(), tokens.Refresh, phone, atHome)
		h.must(err)
	}
	h.clk.Advance(6*24*time.Hour - time.Minute)
	tokens, err = svc.Refresh(t.Context(), tokens.Refresh, phone, atHome)
	h.must(err)
	if tokens.AccessFor != time.Minute || !issuer.last.ExpiresAt.Equal(end) || !tokens.RefreshUntil.Equal(end) {
		t.Errorf("at last %s, until %s, refresh until %s; want %s", tokens.AccessFor, issuer.last.ExpiresAt, tokens.RefreshUntil, end)
	}
}

type recording struct {
	account.Issuer
	last account.TokenClaims
}

func (r *recording) Issue(c account.TokenClaims) (secret.String, error) {
	r.last = c
	return r.Issuer.Issue(c)
}

// At most 20 sessions; the one that was used least recently ends, with its event.
func TestSignInEndsTheOldest(t *testing.T) {
	h := newHarness(t)
	h.signUp("ana")
	var first, last account.Tokens
	for i := range 21 {
		h.clk.Advance(time.Second)
		last = h.signIn("ana", phone, atHome)
		if i == 0 {
			first = last
		}
	}
	list, err := h.Sessions(t.Context(), h.person(last))
	h.must(err)
	if len(list) != 20 || list[0].ID != last.Session || h.alive(h.person(first)) {
		t.Errorf("%d sessions, the first alive: %t", len(list), h.alive(h.person(first)))
	}
	revoked := h.events(record.SessionRevoked)
	if len(revoked) != 1 || revoked[0].Session != first.Session || revoked[0].Reason != "too_many_sessions" {
		t.Errorf("events %+v", revoked)
	}
}

// Recovery V: what it is told of devices.
func TestFacts(t *testing.T) {
	h := newHarness(t)
	a, _ := h.signUp("ana")
	phoneHash := account.DeviceHash(phone)
	facts := func() account.Facts {
		t.Helper()
		f, found, err := h.Lookup(t.Context(), "ANA", phoneHash)
		if err != nil || !found || f.ID != a.ID {
			t.Fatalf("%t, %v", found, err)
		}
		byID, found, err := h.FactsOf(t.Context(), a.ID, phoneHash)
		if err != nil || !found || byID.DeviceKnown != f.DeviceKnown {
			t.Fatalf("by id: %t, %v", found, err)
		}
		return f
	}
	if f := facts(); f.DeviceKnown || !f.UnfamiliarSignInAt.IsZero() {
		t.Errorf("before any sign-in %+v", f)
	}
	h.signIn("ana", phone, atHome)
	if f := facts(); !f.DeviceKnown || !f.UnfamiliarSignInAt.IsZero() {
		t.Errorf("after the first %+v", f)
	}
	h.clk.Advance(time.Minute)
	h.signIn("ana", laptop, atHome)
	unfamiliar := h.clk.Now()
	h.clk.Advance(time.Minute)
	h.signIn("ana", laptop, atHome)
	if f := facts(); f.UnfamiliarSignInAt != unfamiliar {
		t.Errorf("after a new device %s, want %s", f.UnfamiliarSignInAt, unfamiliar)
	}
	h.signIn("ana", secret.String{}, atHome)
	if f := facts(); f.UnfamiliarSignInAt != h.clk.Now() {
		t.Errorf("a sign-in without a device key is not unfamiliar")
	}
	for _, name := range []string{"nobody", "", "a"} {
		if f, found, err := h.Lookup(t.Context(), name, phoneHash); found || err != nil || f.DeviceKnown {
			t.Errorf("%q: %t, %v", name, found, err)
		}
	}
}
