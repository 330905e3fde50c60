package svcauth

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"centinela/shared/secret"
)

// Keyring knows the public keys of the services that may call. An unknown service is an error.
type Keyring interface {
	PublicKey(service string) (ed25519.PublicKey, error)
}

// Refresher is a Keyring that can look again: Refresh reports whether the key of service is another one than before.
type Refresher interface {
	Refresh(service string) (changed bool, err error)
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
	mod  time.Time
	size int64
}

// DirKeyring reads <dir>/<service>.pub (PKIX PEM). A key is read once; it is read again when a signature fails and
// the file has changed, so that replacing the file replaces the key without a restart.
func DirKeyring(dir string) Keyring {
	return &dirKeyring{dir: dir, keys: make(map[string]dirKey)}
}

func (k *dirKeyring) PublicKey(service string) (ed25519.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if have, ok := k.keys[service]; ok {
		return have.key, nil
	}
	if _, err := k.read(service); err != nil {
		return nil, err
	}
	return k.keys[service].key, nil
}

// Refresh reads the key of service again if its file has changed.
func (k *dirKeyring) Refresh(service string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.read(service)
}

func (k *dirKeyring) read(service string) (bool, error) {
	if !serviceName.MatchString(service) {
		return false, fmt.Errorf("not the name of a service")
	}
	path := filepath.Join(k.dir, service+".pub")
	info, err := os.Stat(path)
	if err != nil {
		return false, fmt.Errorf("public key of service %s: %w", service, err)
	}
	have, ok := k.keys[service]
	if ok && have.mod.Equal(info.ModTime()) && have.size == info.Size() {
		return false, nil
	}
	key, err := secret.LoadPublic(path)
	if err != nil {
		return false, fmt.Errorf("public key of service %s: %w", service, err)
	}
	k.keys[service] = dirKey{key: key, mod: info.ModTime(), size: info.Size()}
	return !ok || !have.key.Equal(key), nil
}
