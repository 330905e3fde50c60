package auth

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"path/filepath"

	"centinela/shared/secret"
)

// The files in the key folder.
const (
	signingKey = "auth-signing.key" // signs access tokens
	pepperKey  = "auth-pepper.key"  // without it a stolen database is no list of hashes to try

	// Public keys that are published beside the one that signs, while it is rotated; they needn't exist. Three starts of
	// the service exchange a key, and no token fails on the way: (1) with the next key's public half here, which the
	// others fetch within 5 minutes; (2) with the next key as auth-signing.key and the former one's public half as
	// retired; (3) without the retired one, when the last token of it has expired (auth.session.access_ttl).
	nextKey    = "auth-signing-next.pub"
	retiredKey = "auth-signing-retired.pub"
)

// otherKeys reads the next and the retired public key. One that is there and can't be read is an error: a token that
// it should have vouched for would fail later, and elsewhere.
func otherKeys(dir string) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for _, name := range []string{nextKey, retiredKey} {
		key, err := secret.LoadPublic(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// MakeKeys makes the key files that this service reads from dir, for the
// production profile, which makes none by itself. Files that exist are left
// alone. It returns their paths.
func MakeKeys(dir string) ([]string, error) {
	signer, pepper := filepath.Join(dir, signingKey), filepath.Join(dir, pepperKey)
	if _, err := secret.LoadSigner(signer, true); err != nil {
		return nil, err
	}
	if _, err := secret.LoadKey(pepper, true); err != nil {
		return nil, err
	}
	return []string{signer, pepper}, nil
}
