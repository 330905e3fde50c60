package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

const (
	keySize  = 32
	keyIDLen = 8
)

// The errors of Open.
var (
	// ErrOtherKey: the box names another key than the one it was given to.
	ErrOtherKey = errors.New("secret: the box was sealed with another key")
	// ErrDamaged: the box or its aad isn't what was sealed.
	ErrDamaged = errors.New("secret: the box is damaged or belongs to something else")
)

// Key is 256 random bits of this machine. It makes MACs and seals boxes, with a
// key of its own for each, derived by HKDF (RFC 5869), so that neither use can
// weaken the other. The zero Key is unusable and panics.
type Key struct {
	hidden

	// ID is public: the first 8 hex digits of the key's SHA-256.
	ID string

	// A func, because fmt prints what a pointer to a struct points to when the
	// verb doesn't fit (%s of a struct that holds a Key unexported).
	parts func() keyParts
}

type keyParts struct {
	mac  []byte
	aead cipher.AEAD
}

// NewKey makes a key of 32 bytes.
func NewKey(raw []byte) (Key, error) {
	if len(raw) != keySize {
		return Key{}, fmt.Errorf("secret: a key has %d bytes, not %d", keySize, len(raw))
	}
	mac, err := hkdf.Key(sha256.New, raw, nil, "centinela mac", keySize)
	if err != nil {
		return Key{}, fmt.Errorf("secret: derive: %w", err)
	}
	box, err := hkdf.Key(sha256.New, raw, nil, "centinela seal", keySize)
	if err != nil {
		return Key{}, fmt.Errorf("secret: derive: %w", err)
	}
	block, err := aes.NewCipher(box)
	if err != nil {
		return Key{}, fmt.Errorf("secret: cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Key{}, fmt.Errorf("secret: cipher: %w", err)
	}
	sum := sha256.Sum256(raw)
	parts := keyParts{mac: mac, aead: aead}
	return Key{
		ID:    hex.EncodeToString(sum[:])[:keyIDLen],
		parts: func() keyParts { return parts },
	}, nil
}

// RandomKey is a fresh key.
func RandomKey() Key {
	var raw [keySize]byte
	rand.Read(raw[:]) // never fails (crypto/rand, Go 1.24)
	key, err := NewKey(raw[:])
	if err != nil {
		panic(err) // 32 bytes can't be refused
	}
	return key
}

// MAC is HMAC-SHA-256 over the purpose and the parts, each with its length in
// front: ("a","bc") and ("ab","c") differ, and a MAC for one purpose proves
// nothing for another. 32 bytes.
func (k Key) MAC(purpose string, parts ...string) []byte {
	h := hmac.New(sha256.New, k.parts().mac)
	for _, part := range append([]string{purpose}, parts...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return h.Sum(nil)
}

// Seal encrypts plain with AES-256-GCM and binds it to aad (the id of the row,
// say), so that a box can't be moved to another one. The result is the key's
// ID, a random nonce, the ciphertext. A key may seal 2³² boxes.
func (k Key) Seal(plain, aad []byte) []byte {
	return k.parts().aead.Seal([]byte(k.ID), nil, plain, aad)
}

// Open undoes Seal. Errors: ErrOtherKey, ErrDamaged.
func (k Key) Open(box, aad []byte) ([]byte, error) {
	if len(box) < keyIDLen {
		return nil, ErrDamaged
	}
	if string(box[:keyIDLen]) != k.ID {
		return nil, ErrOtherKey
	}
	plain, err := k.parts().aead.Open(nil, nil, box[keyIDLen:], aad)
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}
