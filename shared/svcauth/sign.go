package svcauth

import (
	"crypto/ed25519"
	"crypto/sha256"
)

// Sign signs a message with the service's key. The message must begin with a
// purpose of its own, so that a signature means nothing elsewhere.
func (s *Signer) Sign(message []byte) []byte { return ed25519.Sign(s.key, message) }

// Derive is a secret of 32 bytes for a purpose, the same as long as the service's
// key is: what Ed25519 signs is the same each time (RFC 8032 §5.1.6), and nobody
// else ever sees this signature.
func (s *Signer) Derive(purpose string) []byte {
	secret := sha256.Sum256(s.Sign([]byte(purpose)))
	return secret[:]
}
