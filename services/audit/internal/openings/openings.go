package openings

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"centinela/shared/bounded"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const (
	keyBytes   = 32
	tokenBytes = 16
	maxCached  = 50_000 // persons; a key takes about a kilobyte
)

// Token finds a person's entries, and says nothing of the person without the key.
type Token [tokenBytes]byte

var (
	// ErrErased is a person whose key was destroyed.
	ErrErased = errors.New("the person was erased")
	// ErrAltered is a key or sealed openings that were not written by this service.
	ErrAltered = errors.New("the openings were altered, or sealed with another key")
	// ErrNoKey is a token without a key.
	ErrNoKey = errors.New("no key of this token")
)

// Store keeps the wrapped keys.
type Store interface {
	// PersonKey returns a wrapped key. Errors: ErrNoKey, ErrErased.
	PersonKey(ctx context.Context, token Token) ([]byte, error)
	// AddPersonKey keeps one, and returns the one that counts: that of whoever was first.
	AddPersonKey(ctx context.Context, token Token, wrapped []byte) ([]byte, error)
}

// Keeper seals and opens. It is safe for concurrent use.
type Keeper struct {
	store Store
	key   secret.Key
	cache *bounded.Map[Token, secret.Key]
}

// New makes a Keeper. With another key nothing can be opened any more.
func New(store Store, key secret.Key) *Keeper {
	return &Keeper{store: store, key: key, cache: bounded.New[Token, secret.Key](maxCached)}
}

// Account is the token of an account; known is false for "".
func (k *Keeper) Account(account string) (token Token, known bool) {
	if account == "" {
		return Token{}, false
	}
	return k.token("account", account), true
}

// of is the token under whose key an event's openings are.
func (k *Keeper) of(e record.Event) (token Token, person bool) {
	if token, known := k.Account(e.Account); known {
		return token, true
	}
	return k.token("day", e.Time.UTC().Format(time.DateOnly)), false
}

func (k *Keeper) token(kind, name string) Token {
	return Token(k.key.MAC("audit token", kind, name)[:tokenBytes])
}

// Seal encrypts the openings of a disclosed envelope. The token is nil when no
// account is behind the event. Of an erased person nothing is kept. Errors: the
// store's, ErrAltered.
func (k *Keeper) Seal(ctx context.Context, env *record.Envelope) (token, sealed []byte, err error) {
	owner, person := k.of(env.Event)
	if person {
		token = owner[:]
	}
	if !env.Personal() {
		return token, nil, nil
	}
	key, err := k.person(ctx, owner, true)
	if errors.Is(err, ErrErased) {
		return token, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return token, key.Seal(env.Openings, []byte(env.Event.ID)), nil
}

// Open discloses the personal fields of an envelope that was stored with that
// token. Of an erased person there are none, and no error. Errors: the store's,
// ErrAltered, record.ErrInvalid.
func (k *Keeper) Open(ctx context.Context, env *record.Envelope, token, sealed []byte) error {
	if !env.Personal() && len(sealed) == 0 && len(token) == 0 {
		return env.Disclose([]byte("[]"))
	}
	owner, _ := k.of(record.Event{Time: env.Event.Time})
	if len(token) > 0 {
		if len(token) != tokenBytes {
			return ErrAltered
		}
		owner = Token(token)
	}
	key, err := k.person(ctx, owner, false)
	if errors.Is(err, ErrErased) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := key.Open(sealed, []byte(env.Event.ID)) // the id keeps sealed openings with their entry
	if err != nil {
		return errors.Join(ErrAltered, err)
	}
	if err := env.Disclose(text); err != nil {
		return err
	}
	if again, person := k.of(env.Event); person != (len(token) > 0) || again != owner {
		return fmt.Errorf("%w: found under another person", ErrAltered)
	}
	return nil
}

// person is the key of a token, made when it is new.
func (k *Keeper) person(ctx context.Context, token Token, create bool) (secret.Key, error) {
	if key, ok := k.cache.Get(token); ok {
		return key, nil
	}
	wrapped, err := k.store.PersonKey(ctx, token)
	if errors.Is(err, ErrNoKey) && create {
		var fresh [keyBytes]byte
		rand.Read(fresh[:]) // never fails (crypto/rand, Go 1.24)
		wrapped, err = k.store.AddPersonKey(ctx, token, k.key.Seal(fresh[:], token[:]))
	}
	if err != nil {
		return secret.Key{}, err
	}
	raw, err := k.key.Open(wrapped, token[:])
	if err != nil {
		return secret.Key{}, errors.Join(ErrAltered, err)
	}
	key, err := secret.NewKey(raw)
	if err == nil {
		k.cache.Put(token, key)
	}
	return key, err
}
