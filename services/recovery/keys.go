package recovery

import (
	"path/filepath"

	"centinela/shared/secret"
)

// sealKey is the file in the key folder that seals numbers and keys codes.
const sealKey = "recovery-seal.key"

// MakeKeys makes the key files that this service reads from dir, for the
// production profile, which makes none by itself. Files that exist are left
// alone. It returns their paths.
func MakeKeys(dir string) ([]string, error) {
	seal := filepath.Join(dir, sealKey)
	if _, err := secret.LoadKey(seal, true); err != nil {
		return nil, err
	}
	return []string{seal}, nil
}
