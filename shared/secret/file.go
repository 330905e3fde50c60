package secret

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxKeyFile is more than any key file we write or take.
const maxKeyFile = 16 << 10

// LoadKey reads a key: 32 bytes in base64, in a file that only its owner may
// read. With create a missing one is made (its folder too); when several
// processes do so at once, all get the same key. Errors name the path and what
// to do, never the content.
func LoadKey(path string, create bool) (Key, error) {
	body, err := readPrivate(path, create, func() ([]byte, error) {
		raw := make([]byte, keySize)
		rand.Read(raw) // never fails (crypto/rand, Go 1.24)
		return []byte(base64.StdEncoding.EncodeToString(raw) + "\n"), nil
	})
	if err != nil {
		return Key{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(body)))
	if err != nil || len(raw) != keySize {
		return Key{}, fmt.Errorf("key file %s: must hold 32 bytes in base64 (make one with: openssl rand -base64 32)", path)
	}
	return NewKey(raw)
}

// LoadSigner reads an Ed25519 private key (PKCS#8 PEM) from a file that only
// its owner may read. With create a missing one is made, and the public key is
// put beside it (path with ".pub" for ".key"; PKIX PEM, 0644) where it is
// missing or another one. Safe when processes race: all get the same key.
func LoadSigner(path string, create bool) (ed25519.PrivateKey, error) {
	body, err := readPrivate(path, create, func() ([]byte, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
	})
	if err != nil {
		return nil, err
	}
	key, ok := parseSigner(body)
	if !ok {
		return nil, fmt.Errorf("key file %s: must hold an Ed25519 private key as PKCS#8 PEM (make one with: openssl genpkey -algorithm ed25519)", path)
	}
	if create {
		if err := writePublic(publicPath(path), key.Public().(ed25519.PublicKey)); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// LoadPublic reads an Ed25519 public key (PKIX PEM).
func LoadPublic(path string) (ed25519.PublicKey, error) {
	body, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	if block, _ := pem.Decode(body); block != nil {
		if parsed, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if key, ok := parsed.(ed25519.PublicKey); ok {
				return key, nil
			}
		}
	}
	return nil, fmt.Errorf("public key file %s: must hold an Ed25519 public key as PKIX PEM", path)
}

func publicPath(path string) string { return strings.TrimSuffix(path, ".key") + ".pub" }

func parseSigner(body []byte) (ed25519.PrivateKey, bool) {
	block, _ := pem.Decode(body)
	if block == nil {
		return nil, false
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	return key, ok && err == nil
}

// writePublic leaves a file that already holds the key alone, so that a folder
// of keys can be mounted read-only.
func writePublic(path string, key ed25519.PublicKey) error {
	if have, err := LoadPublic(path); err == nil && have.Equal(key) {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	tmp, err := writeTemp(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("public key: %w", errors.Join(err, os.Remove(tmp)))
	}
	return nil
}

func readPrivate(path string, create bool, fresh func() ([]byte, error)) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if !create {
			return nil, fmt.Errorf("key file %s: %w: create it, mode 0600, or correct the path in the config", path, fs.ErrNotExist)
		}
		if err := createPrivate(path, fresh); err != nil {
			return nil, err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key file %s may be read by others (mode %04o): run chmod 600 on it, and replace the key if others had access", path, mode)
	}
	body, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	return body, nil
}

// createPrivate writes aside and links into place: link, unlike rename, fails
// when the name exists, so the first of several processes wins and no reader
// ever sees half a key.
func createPrivate(path string, fresh func() ([]byte, error)) (err error) {
	body, err := fresh()
	if err != nil {
		return fmt.Errorf("key file %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("key file: %w", err)
	}
	tmp, err := writeTemp(path, body, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp)) }()
	if err := os.Link(tmp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file: %w", err)
	}
	return nil
}

func writeTemp(path string, body []byte, mode fs.FileMode) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return "", fmt.Errorf("key file: %w", err)
	}
	_, err = file.Write(body)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return "", fmt.Errorf("key file: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return file.Name(), nil
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s: not a key file", path)
	}
	return os.ReadFile(path)
}

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
