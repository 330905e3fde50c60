package openings_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/services/audit/internal/openings"
	"centinela/shared/clock"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

var ten = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// memory is a store of keys that counts how often it is asked.
type memory struct {
	mu       sync.Mutex
	keys     map[openings.Token][]byte
	asked    int
	together bool
	all      sync.WaitGroup // AddPersonKey waits for so many
	err      error
}

func newMemory() *memory { return &memory{keys: map[openings.Token][]byte{}} }

func (m *memory) PersonKey(_ context.Context, token openings.Token) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	wrapped, ok := m.keys[token]
	switch {
	case m.err != nil:
		return nil, m.err
	case !ok:
		return nil, openings.ErrNoKey
	case len(wrapped) == 0:
		return nil, openings.ErrErased
	}
	return wrapped, nil
}

func (m *memory) AddPersonKey(ctx context.Context, token openings.Token, wrapped []byte) ([]byte, error) {
	if m.together {
		m.all.Done()
		m.all.Wait() // none has a key before all have found none
	}
	m.mu.Lock()
	if _, ok := m.keys[token]; !ok {
		m.keys[token] = wrapped
	}
	m.mu.Unlock()
	return m.PersonKey(ctx, token)
}

func (m *memory) ErasePersonKey(_ context.Context, token openings.Token) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[token] = nil
	return m.err
}

func key(t *testing.T, letter string) secret.Key {
	t.Helper()
	k, err := secret.NewKey([]byte(strings.Repeat(letter, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// of is the envelope of an event of an account, disclosed as at ingest.
func of(t *testing.T, account, address string, at time.Time) *record.Envelope {
	t.Helper()
	e := record.New(at, "auth", record.SessionCreated, record.Success, record.Origin{Address: address})
	e.Account = account
	sealed, err := e.Seal("auth/0123456789ab", 1)
	if err != nil {
		t.Fatal(err)
	}
	env, err := record.Parse(sealed.Body)
	if err == nil {
		err = env.Disclose(sealed.Openings)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &env
}

// stored is the envelope as it is read from its row.
func stored(t *testing.T, env *record.Envelope) *record.Envelope {
	t.Helper()
	again, err := record.Parse(env.Body)
	if err != nil {
		t.Fatal(err)
	}
	return &again
}

func seal(t *testing.T, k *openings.Keeper, env *record.Envelope) (token, sealed []byte) {
	t.Helper()
	token, sealed, err := k.Seal(t.Context(), env)
	if err != nil {
		t.Fatal(err)
	}
	return token, sealed
}

// What was sealed is opened again; what is stored says nothing of the person, and the same person is found by the same
// token.
func TestSealAndOpen(t *testing.T) {
	store, clk := newMemory(), clock.NewManual(ten)
	keeper := openings.New(store, key(t, "k"), clk)
	account := id.New("acc")
	env := of(t, account, "203.0.113.9", ten)
	token, sealed := seal(t, keeper, env)
	again, other := seal(t, keeper, of(t, account, "203.0.113.9", ten))
	person, err := keeper.Person(t.Context(), account)
	if err != nil || !bytes.Equal(token, again) || !bytes.Equal(token, person[:]) || bytes.Equal(sealed, other) {
		t.Errorf("%x %x %x, %v", token, again, person, err)
	}
	for _, kept := range [][]byte{token, sealed, env.Body, store.keys[person]} {
		if bytes.Contains(kept, []byte(account)) || bytes.Contains(kept, []byte("203.0.113.9")) {
			t.Errorf("in clear: %q", kept)
		}
	}
	if token, _ := seal(t, keeper, of(t, id.New("acc"), "203.0.113.9", ten)); bytes.Equal(token, person[:]) || len(store.keys) != 2 {
		t.Errorf("%d keys of two persons", len(store.keys))
	}
	fresh := stored(t, env)
	if fresh.Event.Account != "" || fresh.Event.Address != "" {
		t.Fatalf("%+v", fresh.Event)
	}
	if err := keeper.Open(t.Context(), fresh, token, sealed); err != nil || fresh.Event.Account != account || fresh.Event.Address != "203.0.113.9" {
		t.Errorf("%+v, %v", fresh.Event, err)
	}
	// Another process, with nothing in memory.
	fresh = stored(t, env)
	if err := openings.NewOpener(store, key(t, "k"), clk).Open(t.Context(), fresh, token, sealed); err != nil || fresh.Event.Account != account {
		t.Errorf("%+v, %v", fresh.Event, err)
	}
	// Who isn't known yet has a token, and no key is made by asking.
	if _, err := keeper.Person(t.Context(), id.New("acc")); err != nil || len(store.keys) != 2 {
		t.Errorf("%d keys, %v", len(store.keys), err)
	}
}

// Without an account the day's key is used and nobody is found; without any personal field nothing is kept.
func TestOfNobody(t *testing.T) {
	store := newMemory()
	keeper := openings.New(store, key(t, "k"), clock.NewManual(ten))
	token, sealed := seal(t, keeper, of(t, "", "203.0.113.9", ten))
	if token != nil || len(sealed) == 0 || len(store.keys) != 1 {
		t.Errorf("%x %x, %d keys", token, sealed, len(store.keys))
	}
	seal(t, keeper, of(t, "", "203.0.113.9", ten.Add(13*time.Hour+59*time.Minute)))
	if len(store.keys) != 1 {
		t.Errorf("%d keys of a day", len(store.keys))
	}
	env := of(t, "", "203.0.113.9", ten.Add(14*time.Hour))
	token, sealed = seal(t, keeper, env)
	fresh := stored(t, env)
	if err := keeper.Open(t.Context(), fresh, token, sealed); err != nil || fresh.Event.Address != "203.0.113.9" || len(store.keys) != 2 {
		t.Errorf("%+v, %d keys of two days, %v", fresh.Event, len(store.keys), err)
	}

	env = of(t, "", "", ten)
	token, sealed = seal(t, keeper, env)
	if token != nil || sealed != nil || len(store.keys) != 2 {
		t.Errorf("%x %x, %d keys", token, sealed, len(store.keys))
	}
	if err := keeper.Open(t.Context(), stored(t, env), nil, nil); err != nil {
		t.Error(err)
	}
	// What is there and shouldn't be is found.
	if err := keeper.Open(t.Context(), stored(t, env), nil, []byte("x")); err == nil {
		t.Error("openings of an event that has none are taken")
	}
	if err := keeper.Open(t.Context(), stored(t, env), bytes.Repeat([]byte{1}, 16), nil); err == nil {
		t.Error("a person of an event that has none is taken")
	}
}

// Whatever doesn't belong together isn't opened: another key, another event, another person, a changed byte.
func TestAltered(t *testing.T) {
	store, clk := newMemory(), clock.NewManual(ten)
	keeper := openings.New(store, key(t, "k"), clk)
	ana, ben := of(t, id.New("acc"), "203.0.113.9", ten), of(t, id.New("acc"), "203.0.113.9", ten)
	nobody := of(t, "", "203.0.113.9", ten)
	anas, sealed := seal(t, keeper, ana)
	bens, others := seal(t, keeper, ben)
	_, nobodys := seal(t, keeper, nobody)
	second := of(t, ana.Event.Account, "203.0.113.9", ten)
	seal(t, keeper, second)
	// Under ben's key, and bound to ana's event: what somebody with the store and a running keeper could make.
	stolen := *ben
	stolen.Event.ID = ana.Event.ID
	_, rebound := seal(t, keeper, &stolen)
	// Ana's own openings under ben's key, as if the event were ben's; and nobody's under the day's, as if that were a person.
	lent := *ana
	lent.Event.Account = ben.Event.Account
	_, bent := seal(t, keeper, &lent)
	var day []byte
	for token := range store.keys {
		if !bytes.Equal(token[:], anas) && !bytes.Equal(token[:], bens) {
			day = token[:]
		}
	}
	for name, c := range map[string]struct {
		env           *record.Envelope
		token, sealed []byte
		want          error
	}{
		"moved to another event of the person": {second, anas, sealed, openings.ErrAltered},
		"moved to another's event":             {ben, anas, sealed, openings.ErrAltered},
		"found under another person":           {ana, bens, sealed, openings.ErrAltered},
		"found under nobody":                   {ana, nil, sealed, openings.ErrAltered},
		"nobody's found under a person":        {nobody, anas, nobodys, openings.ErrAltered},
		"of another person":                    {ana, anas, others, openings.ErrAltered},
		"of another person, bound to it":       {ana, bens, rebound, record.ErrInvalid},
		"one's own, of another person":         {ana, bens, bent, openings.ErrAltered},
		"nobody's, of the day":                 {nobody, day, nobodys, openings.ErrAltered},
		"half a token":                         {ana, anas[:8], sealed, openings.ErrAltered},
		"a token more":                         {ana, append(slices.Clone(anas), 0), sealed, openings.ErrAltered},
		"an unknown person":                    {ana, bytes.Repeat([]byte{7}, 16), sealed, openings.ErrNoKey},
		"nothing":                              {ana, anas, nil, openings.ErrAltered},
		"cut":                                  {ana, anas, sealed[:len(sealed)-1], openings.ErrAltered},
	} {
		fresh := stored(t, c.env)
		if err := keeper.Open(t.Context(), fresh, c.token, c.sealed); !errors.Is(err, c.want) || fresh.Event.Account != "" {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for i := range sealed {
		changed := slices.Clone(sealed)
		changed[i] ^= 1
		if err := keeper.Open(t.Context(), stored(t, ana), anas, changed); !errors.Is(err, openings.ErrAltered) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	if err := openings.NewOpener(store, key(t, "o"), clk).Open(t.Context(), stored(t, ana), anas, sealed); !errors.Is(err, openings.ErrAltered) {
		t.Errorf("another key: %v", err)
	}
	// A person's key put in the place of another's is no key there.
	store.keys[openings.Token(anas)] = store.keys[openings.Token(bens)]
	cold := openings.New(store, key(t, "k"), clk)
	if err := cold.Open(t.Context(), stored(t, ana), anas, sealed); !errors.Is(err, openings.ErrAltered) {
		t.Errorf("another's key: %v", err)
	}
	if _, _, err := cold.Seal(t.Context(), ana); !errors.Is(err, openings.ErrAltered) {
		t.Errorf("sealed with another's key: %v", err)
	}
}

// An erased person: nothing can be opened, nothing is kept of what comes later, nobody gets a new key. Whoever had the
// key in memory goes on for less than a minute.
func TestErase(t *testing.T) {
	store, clk := newMemory(), clock.NewManual(ten)
	here, there := openings.New(store, key(t, "k"), clk), openings.New(store, key(t, "k"), clk)
	account := id.New("acc")
	env, ben := of(t, account, "203.0.113.9", ten), of(t, id.New("acc"), "203.0.113.9", ten)
	token, sealed := seal(t, here, env)
	bens, others := seal(t, here, ben)
	open := func(k *openings.Keeper) error { return k.Open(t.Context(), stored(t, env), token, sealed) }
	if err := open(there); err != nil {
		t.Fatal(err)
	}
	if err := here.Erase(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	clk.Advance(time.Minute - time.Millisecond)
	if err := open(there); err != nil {
		t.Errorf("with the key in memory: %v", err)
	}
	if err := open(here); !errors.Is(err, openings.ErrErased) {
		t.Errorf("who erased it: %v", err)
	}
	clk.Advance(time.Millisecond)
	for _, k := range []*openings.Keeper{here, there} {
		if err := open(k); !errors.Is(err, openings.ErrErased) {
			t.Errorf("a minute later: %v", err)
		}
		late := of(t, account, "203.0.113.10", ten)
		if again, sealed := seal(t, k, late); !bytes.Equal(again, token) || sealed != nil {
			t.Errorf("of a late event %x is kept, under %x", sealed, again)
		}
		if _, err := k.Person(t.Context(), account); !errors.Is(err, openings.ErrErased) {
			t.Errorf("found: %v", err)
		}
		if err := k.Open(t.Context(), stored(t, ben), bens, others); err != nil {
			t.Errorf("another person: %v", err)
		}
	}
	if err := here.Erase(t.Context(), id.New("acc")); err != nil {
		t.Errorf("of whom nothing is known yet: %v", err)
	}
	store.err = errors.New("no store")
	if err := here.Erase(t.Context(), account); !errors.Is(err, store.err) {
		t.Errorf("not erased: %v", err)
	}
}

// The store is asked for a key once a minute; and when it doesn't answer, nothing is sealed and nothing called altered.
func TestCache(t *testing.T) {
	store, clk := newMemory(), clock.NewManual(ten)
	keeper := openings.New(store, key(t, "k"), clk)
	env := of(t, id.New("acc"), "203.0.113.9", ten)
	token, sealed := seal(t, keeper, env)
	asked := store.asked
	for range 3 {
		seal(t, keeper, env)
		if err := keeper.Open(t.Context(), stored(t, env), token, sealed); err != nil {
			t.Fatal(err)
		}
	}
	if store.asked != asked {
		t.Errorf("asked %d times", store.asked-asked)
	}
	clk.Advance(time.Minute)
	seal(t, keeper, env)
	if store.asked != asked+1 {
		t.Errorf("asked %d times a minute later", store.asked-asked)
	}
	store.err = errors.New("no store")
	clk.Advance(time.Minute)
	err := keeper.Open(t.Context(), stored(t, env), token, sealed)
	if _, _, sealErr := keeper.Seal(t.Context(), env); !errors.Is(err, store.err) || errors.Is(err, openings.ErrAltered) || !errors.Is(sealErr, store.err) {
		t.Errorf("%v, %v", err, sealErr)
	}
}

// Two processes that meet a person at the same moment go on with one key.
func TestOneKey(t *testing.T) {
	store, clk := newMemory(), clock.NewManual(ten)
	account := id.New("acc")
	var wg sync.WaitGroup
	keepers, envs, rows := make([]*openings.Keeper, 4), make([]*record.Envelope, 4), make([][2][]byte, 4)
	store.together = true
	store.all.Add(len(envs))
	for i := range envs {
		keepers[i] = openings.New(store, key(t, "k"), clk)
		envs[i] = of(t, account, "203.0.113.9", ten)
		wg.Go(func() {
			token, sealed, err := keepers[i].Seal(t.Context(), envs[i])
			if rows[i] = [2][]byte{token, sealed}; err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keepers {
		for i, row := range rows {
			if err := k.Open(t.Context(), stored(t, envs[i]), row[0], row[1]); err != nil {
				t.Errorf("event %d: %v", i, err)
			}
		}
	}
	if len(store.keys) != 1 {
		t.Errorf("%d keys", len(store.keys))
	}
}
