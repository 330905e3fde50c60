package audit

import (
	"path/filepath"

	"centinela/shared/secret"
)

// MakeKeys makes the key files that this service reads from dir, for the
// production profile, which makes none by itself. Files that exist are left
// alone. It returns their paths.
func MakeKeys(dir string) ([]string, error) {
	signer, places := filepath.Join(dir, checkpointKey), filepath.Join(dir, placesKey)
	if _, err := secret.LoadSigner(signer, true); err != nil {
		return nil, err
	}
	if _, err := secret.LoadKey(places, true); err != nil {
		return nil, err
	}
	return []string{signer, places}, nil
}
