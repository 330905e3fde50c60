package auth

import (
	"path/filepath"

	"centinela/shared/secret"
)

// The files in the key folder.
const (
	signingKey = "auth-signing.key" // signs access tokens
	pepperKey  = "auth-pepper.key"  // without it a stolen database is no list of hashes to try
)

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
