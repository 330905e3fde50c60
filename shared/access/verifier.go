package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"centinela/shared/bounded"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/revocation"
)

const (
	maxToken      = 4096
	maxRemembered = 50_000
)

// Verifier checks access tokens. Safe for concurrent use.
type Verifier struct {
	clk      clock.Clock
	ended    *revocation.Feed
	keys     *keyCache
	parser   *jwt.Parser
	verified *bounded.Map[[sha256.Size]byte, remembered]
}

// remembered is what a good token said, and the keys that it was held against: it counts as long as they are the keys,
// so that a withdrawn one takes all its tokens along, also one that was being verified at that moment.
type remembered struct {
	claims Claims
	keys   *keySet
}

// NewVerifier returns a Verifier that takes keys from src when it first needs them, and then keeps them while src is
// silent. ended knows which sessions are over; nil is for auth alone, which looks each session up in its store. Expiry is
// decided by clk.
func NewVerifier(src KeySource, ended *revocation.Feed, clk clock.Clock) *Verifier {
	v := &Verifier{clk: clk, ended: ended, verified: bounded.New[[sha256.Size]byte, remembered](maxRemembered)}
	v.keys = &keyCache{src: src, now: time.Now}
	v.keys.keys.Store(&keySet{})
	// EdDSA is pinned: what the token's header asks for never chooses the algorithm (RFC 8725 §3.1). The claims are
	// checked below, to the millisecond.
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding(),
	)
	return v
}

// Revocations is the feed of ended sessions; its Run belongs into the service's.
func (v *Verifier) Revocations() *revocation.Feed { return v.ended }

// Ready is nil once auth's keys are at hand and it is known which sessions are over: from then on auth may go away.
func (v *Verifier) Ready() error {
	switch {
	case v.ended == nil:
		return nil
	case len(*v.keys.keys.Load()) == 0:
		return errNoKeys
	}
	return v.ended.Ready()
}

// Verify returns what token says. ErrTokenInvalid, ErrTokenExpired and revocation.ErrRevoked are the token's fault; a
// fault of kind unavailable means that keys or ended sessions are not at hand to tell. A token that was good is remembered until it expires, as the
// hash of its text, at most 50,000 of them: a signature costs 81 µs.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	if token == "" || len(token) > maxToken {
		return Claims{}, ErrTokenInvalid
	}
	hash := sha256.Sum256([]byte(token))
	known, ok := v.verified.Get(hash)
	claims, keys := known.claims, v.keys.keys.Load() // read before the token is parsed: keys that come later don't vouch for it
	ok = ok && known.keys == keys
	if !ok {
		var err error
		if claims, err = v.parse(ctx, token); err != nil {
			return Claims{}, err
		}
	}
	if !v.clk.Now().Before(claims.ExpiresAt) {
		v.verified.Delete(hash)
		return Claims{}, ErrTokenExpired
	}
	if !ok {
		v.verified.Put(hash, remembered{claims: claims, keys: keys})
	}
	if err := v.Standing(ctx, claims.Account, claims.Session); err != nil {
		return Claims{}, err
	}
	claims.AMR = slices.Clone(claims.AMR) // the remembered one is shared
	return claims, nil
}

// Standing is nil while a session isn't known to be over: what Verify asks last, to be asked again by who has let somebody
// in meanwhile. Errors: revocation.ErrRevoked, one of kind unavailable.
func (v *Verifier) Standing(ctx context.Context, account, session string) error {
	if v.ended == nil {
		return nil
	}
	return v.ended.Check(ctx, account, session)
}

// Run refreshes the keys now and each 5 minutes until ctx ends, so that no request waits for them. A source that is
// silent is no failure: the keys at hand stay.
func (v *Verifier) Run(ctx context.Context) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
		next := refreshEvery
		if err := v.keys.refresh(ctx); err != nil {
			next = time.Second // not reported: Verify tells whoever is hit by it
			if len(*v.keys.keys.Load()) == 0 {
				next = retryAtMost // somebody waits for Ready
			}
		}
		pause.Reset(next)
	}
}

func (v *Verifier) parse(ctx context.Context, token string) (Claims, error) {
	var w wire
	_, err := v.parser.ParseWithClaims(token, &w, func(t *jwt.Token) (any, error) {
		kid, _ := t.Header["kid"].(string)
		if kid == "" || t.Header["typ"] != tokenType {
			return nil, errors.New("no key id, or not an access token")
		}
		return v.keys.find(ctx, kid)
	})
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return Claims{}, f
	}
	if err != nil {
		return Claims{}, ErrTokenInvalid.WithCause(err)
	}
	if w.Issuer != issuer || !slices.Contains(w.Audience, audience) || w.Subject == "" || w.Session == "" || w.Exp == 0 {
		return Claims{}, ErrTokenInvalid.WithCause(errors.New("issuer, audience, subject, session or expiry is not as it must be"))
	}
	return Claims{
		Account: w.Subject, Session: w.Session,
		AuthTime: w.AuthTime.time(), IssuedAt: w.Iat.time(), ExpiresAt: w.Exp.time(),
		AMR: w.AMR, ACR: w.ACR,
	}, nil
}
