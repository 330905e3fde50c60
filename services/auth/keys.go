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

// Keys are the key files of this service beside its service key.
func Keys() []secret.KeyFile {
	return []secret.KeyFile{
		{
			Name: signingKey, Pair: true, For: "signs people's access tokens",
			Lost: "everybody's tokens are refused until they are refreshed; who has it can be anybody",
		},
		{
			Name: pepperKey, For: "is mixed into the hashes of passwords and saved codes",
			Lost: "every password and every saved code: nobody signs in again without a recovery",
		},
	}
}
