package svcauth

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"centinela/shared/secret"
)

// Keyring knows the public keys of the services that may call. An unknown service is an error.
type Keyring interface {
	PublicKey(service string) (ed25519.PublicKey, error)
}

// serviceName keeps what comes out of an unverified token from becoming a path of its own choice.
var serviceName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

type dirKeyring struct {
	dir string

	mu   sync.Mutex
	keys map[string]dirKey
}

type dirKey struct {
	key  ed25519.PublicKey
	file fs.FileInfo
}

// DirKeyring reads <dir>/<service>.pub (PKIX PEM). It looks at the file at each question (the Verifier asks once for
// each new token), and reads it again when it is another one: to replace or remove a file takes the trust from the key
// that was in it, without a restart, and within the minute that a verified token is remembered. What can't be read is
// trusted by nobody.
func DirKeyring(dir string) Keyring {
	return &dirKeyring{dir: dir, keys: make(map[string]dirKey)}
}

func (k *dirKeyring) PublicKey(service string) (ed25519.PublicKey, error) {
	if !serviceName.MatchString(service) {
		return nil, errors.New("not the name of a service")
	}
	path := filepath.Join(k.dir, service+".pub")
	k.mu.Lock()
	defer k.mu.Unlock()
	file, err := os.Stat(path)
	if err != nil {
		delete(k.keys, service)
		return nil, fmt.Errorf("public key of service %s: %w", service, err)
	}
	if have, ok := k.keys[service]; ok && same(have.file, file) {
		return have.key, nil
	}
	key, err := secret.LoadPublic(path)
	if err != nil {
		delete(k.keys, service)
		return nil, fmt.Errorf("public key of service %s: %w", service, err)
	}
	k.keys[service] = dirKey{key: key, file: file}
	return key, nil
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
