package secret

import "path/filepath"

// KeyFile is a secret of one part in the key folder, and what people should know of it.
type KeyFile struct {
	Name string // "auth-pepper.key"
	Pair bool   // an Ed25519 key pair, whose public half stands beside it; else 32 random bytes
	For  string // what it does, in a few words
	Lost string // what is lost with it
}

// Load reads the file from dir, and with create makes it where it is missing.
// Errors: those of LoadKey and LoadSigner.
func (f KeyFile) Load(dir string, create bool) error {
	path := filepath.Join(dir, f.Name)
	if f.Pair {
		_, err := LoadSigner(path, create)
		return err
	}
	_, err := LoadKey(path, create)
	return err
}
