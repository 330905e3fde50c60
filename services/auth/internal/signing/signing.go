package signing

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"maps"

	"centinela/services/auth/internal/account"
	"centinela/shared/access"
	"centinela/shared/secret"
)

// Keys signs with the first key and publishes all of them. It is an account.Issuer and an access.KeySource.
type Keys struct {
	current ed25519.PrivateKey
	kid     string
	public  map[string]ed25519.PublicKey
}

// New takes the key that signs, and public keys that still (or will soon) verify.
func New(current ed25519.PrivateKey, others ...ed25519.PublicKey) *Keys {
	own := current.Public().(ed25519.PublicKey)
	k := &Keys{current: current, kid: KeyID(own), public: map[string]ed25519.PublicKey{KeyID(own): own}}
	for _, key := range others {
		k.public[KeyID(key)] = key
	}
	return k
}

// KeyID is the first 8 hex digits of the key's SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:4])
}

// Issue signs an access token.
func (k *Keys) Issue(c account.TokenClaims) (secret.String, error) {
	return access.Issue(k.current, k.kid, access.Claims{
		Account: c.Account, Session: c.Session, AuthTime: c.AuthTime, IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt,
		AMR: c.AMR, ACR: c.ACR,
	})
}

// Keys are the public keys by id.
func (k *Keys) Keys(context.Context) (map[string]ed25519.PublicKey, error) {
	return maps.Clone(k.public), nil
}
