package audit

import (
	"path/filepath"

	"centinela/shared/secret"
)

// MakeKeys makes the key files that this service reads from dir, for the
// production profile, which makes none by itself. Files that exist are left
// alone. It returns their paths.
func MakeKeys(dir string) ([]string, error) {
	signer, places, people := filepath.Join(dir, checkpointKey), filepath.Join(dir, placesKey), filepath.Join(dir, openingsKey)
	if _, err := secret.LoadSigner(signer, true); err != nil {
		return nil, err
	}
	for _, key := range []string{places, people} {
		if _, err := secret.LoadKey(key, true); err != nil {
			return nil, err
		}
	}
	return []string{signer, places, people}, nil
}
