package openings

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"centinela/shared/bounded"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const (
	keyBytes   = 32
	tokenBytes = 16
	maxCached  = 50_000 // persons; a key takes about a kilobyte
	// maxAge of a key in memory: so long after an erasure another process may go on
	// with the key that it has.
	maxAge = time.Minute
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

// Reader finds the wrapped keys.
type Reader interface {
	// PersonKey returns a wrapped key. Errors: ErrNoKey, ErrErased.
	PersonKey(ctx context.Context, token Token) ([]byte, error)
}

// Store keeps them.
type Store interface {
	Reader
	// AddPersonKey keeps one, and returns the one that counts: that of whoever was
	// first. Errors: ErrErased.
	AddPersonKey(ctx context.Context, token Token, wrapped []byte) ([]byte, error)
	// ErasePersonKey destroys a key for good: the token never has one again.
	ErasePersonKey(ctx context.Context, token Token) error
}

// Opener opens. It is safe for concurrent use.
type Opener struct {
	keys  Reader
	key   secret.Key
	clock clock.Clock
	cache *bounded.Map[Token, cached]
	names *bounded.Map[string, Token] // of accounts
}

// cached is a key as the store had it then.
type cached struct {
	key secret.Key
	at  time.Time
}

// NewOpener makes an Opener. With another key nothing can be opened any more.
func NewOpener(keys Reader, key secret.Key, clk clock.Clock) *Opener {
	return &Opener{keys: keys, key: key, clock: clk, cache: bounded.New[Token, cached](maxCached), names: bounded.New[string, Token](maxCached)}
}

// Keeper seals and erases as well.
type Keeper struct {
	*Opener
	store Store
}

// New makes a Keeper.
func New(store Store, key secret.Key, clk clock.Clock) *Keeper {
	return &Keeper{Opener: NewOpener(store, key, clk), store: store}
}

// Person is the token by which an account's entries are found. Errors: ErrErased,
// the store's.
func (o *Opener) Person(ctx context.Context, account string) (Token, error) {
	token := o.account(account)
	_, err := o.person(ctx, token)
	if errors.Is(err, ErrNoKey) {
		err = nil // nobody that we know: there are no entries either, or they are damaged
	}
	return token, err
}

// Erase destroys the key of an account. What the record holds of it stays whole,
// and says nothing of the person any more; what comes of it later neither. Errors:
// the store's.
func (k *Keeper) Erase(ctx context.Context, account string) error {
	token := k.account(account)
	err := k.store.ErasePersonKey(ctx, token)
	k.cache.Delete(token)
	return err
}

// of is the token under whose key an event's openings are.
func (o *Opener) of(e record.Event) (token Token, person bool) {
	if e.Account != "" {
		return o.account(e.Account), true
	}
	return o.token("day", e.Time.UTC().Format(time.DateOnly)), false
}

func (o *Opener) account(name string) Token {
	token, ok := o.names.Get(name)
	if !ok {
		token = o.token("account", name)
		o.names.Put(name, token)
	}
	return token
}

func (o *Opener) token(kind, name string) Token {
	return Token(o.key.MAC("audit token", kind, name)[:tokenBytes])
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
	key, err := k.made(ctx, owner)
	if errors.Is(err, ErrErased) {
		return token, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return token, key.Seal(env.Openings, []byte(env.Event.ID)), nil
}

// Open discloses the personal fields of an envelope that was stored with that
// token; with an error it discloses none. Errors: the store's, ErrErased (there are
// none any more), ErrNoKey, ErrAltered, record.ErrInvalid.
func (o *Opener) Open(ctx context.Context, env *record.Envelope, token, sealed []byte) error {
	if !env.Personal() && len(sealed) == 0 && len(token) == 0 {
		return nil
	}
	owner, _ := o.of(record.Event{Time: env.Event.Time})
	if len(token) > 0 {
		if len(token) != tokenBytes {
			return ErrAltered
		}
		owner = Token(token)
	}
	key, err := o.person(ctx, owner)
	if err != nil {
		return err
	}
	text, err := key.Open(sealed, []byte(env.Event.ID)) // the id keeps sealed openings with their entry
	if err != nil {
		return errors.Join(ErrAltered, err)
	}
	opened := *env
	if err := opened.Disclose(text); err != nil {
		return err
	}
	if again, person := o.of(opened.Event); person != (len(token) > 0) || again != owner {
		return fmt.Errorf("%w: found under another person", ErrAltered)
	}
	*env = opened
	return nil
}

// person is the key of a token. Errors: ErrNoKey, ErrErased, ErrAltered, the store's.
func (o *Opener) person(ctx context.Context, token Token) (secret.Key, error) {
	if have, ok := o.cache.Get(token); ok && o.clock.Now().Sub(have.at) < maxAge {
		return have.key, nil
	}
	wrapped, err := o.keys.PersonKey(ctx, token)
	if err != nil {
		return secret.Key{}, err
	}
	return o.unwrap(token, wrapped)
}

func (o *Opener) unwrap(token Token, wrapped []byte) (secret.Key, error) {
	raw, err := o.key.Open(wrapped, token[:])
	if err != nil {
		return secret.Key{}, errors.Join(ErrAltered, err)
	}
	key, err := secret.NewKey(raw)
	if err == nil {
		o.cache.Put(token, cached{key, o.clock.Now()})
	}
	return key, err
}

// made is the key of a token, made when it is new.
func (k *Keeper) made(ctx context.Context, token Token) (secret.Key, error) {
	key, err := k.person(ctx, token)
	if !errors.Is(err, ErrNoKey) {
		return key, err
	}
	var fresh [keyBytes]byte
	rand.Read(fresh[:]) // never fails (crypto/rand, Go 1.24)
	wrapped, err := k.store.AddPersonKey(ctx, token, k.key.Seal(fresh[:], token[:]))
	if err != nil {
		return secret.Key{}, err
	}
	return k.unwrap(token, wrapped)
}
