package audit

import (
	"crypto/ed25519"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// Keys are the key files of this service beside its service key.
func Keys() []secret.KeyFile {
	return []secret.KeyFile{
		{
			Name: checkpointKey, Pair: true, For: "signs the checkpoints of the record",
			Lost: "the checkpoints made so far can't be verified: nobody can tell whether the record was cut off before the next one",
		},
		{
			Name: placesKey, For: "hides the addresses in what is remembered of people's usual networks",
			Lost: "nobody is familiar by network until signing in there again: recoveries wait longer",
		},
		{
			Name: openingsKey, For: "hides in the record who and where: addresses, accounts, devices",
			Lost: "the record still proves what happened, but no longer of whom: people's activity is empty, rules see nobody in older events",
		},
	}
}

// keysEver are a service's public key and those that it had: whoever puts a new
// key in the place of NAME.pub keeps the old file beside it, as NAME.pub.1 and so
// on. They prove what was signed then; nobody is let in with one.
type keysEver struct {
	svcauth.Keyring
	dir   string
	known map[string][]ed25519.PublicKey
}

// PublicKeys is ledger.KeysEver's.
func (k keysEver) PublicKeys(service string) ([]ed25519.PublicKey, error) {
	if keys := k.known[service]; keys != nil {
		return keys, nil
	}
	newest, err := k.PublicKey(service) // of a name that is one
	if err != nil {
		return nil, err
	}
	older, err := fs.Glob(os.DirFS(k.dir), service+".pub.*")
	if err != nil {
		return nil, err
	}
	keys := []ed25519.PublicKey{newest}
	for _, name := range older {
		key, err := secret.LoadPublic(filepath.Join(k.dir, name))
		if err != nil {
			return nil, fmt.Errorf("an older key of service %s: %w", service, err)
		}
		keys = append(keys, key)
	}
	k.known[service] = keys
	return keys, nil
}
