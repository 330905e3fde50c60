package svcauth

import "crypto/ed25519"

// Sign signs a message with the service's key. The message must begin with a
// purpose of its own, so that a signature means nothing elsewhere.
func (s *Signer) Sign(message []byte) []byte { return ed25519.Sign(s.key, message) }
