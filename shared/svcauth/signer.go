package svcauth

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// life of a token; short, because a stolen one works until then.
	life = 60 * time.Second
	// reuse of a token by its signer; half of its life, so that what is sent has 30 s left.
	reuse = 30 * time.Second
	// leeway for clocks of machines that differ.
	leeway = 5 * time.Second

	tokenType = "centinela-service+jwt"
)

// Signer makes the tokens of one service. Safe for concurrent use.
type Signer struct {
	service string
	key     ed25519.PrivateKey
	now     func() time.Time

	mu    sync.Mutex
	ready map[string]signed
}

type signed struct {
	token string
	until time.Time
}

// NewSigner returns the Signer of service, whose public key the callees find in their keyring under that name.
func NewSigner(service string, key ed25519.PrivateKey) *Signer {
	return &Signer{service: service, key: key, now: time.Now, ready: make(map[string]signed)}
}

// Service is the name that the tokens prove.
func (s *Signer) Service() string { return s.service }

// Token returns a token for audience, the callee's name: valid for 60 s, given out again for 30 s, because a
// signature costs more than the rest of a small call. The audiences are the few peers of a service.
func (s *Signer) Token(audience string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if t, ok := s.ready[audience]; ok && now.Before(t.until) {
		return t.token, nil
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.RegisteredClaims{
		Issuer:    s.service,
		Audience:  jwt.ClaimStrings{audience},
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(life)),
	})
	token.Header["typ"] = tokenType
	text, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign the token of service %s: %w", s.service, err)
	}
	s.ready[audience] = signed{token: text, until: now.Add(reuse)}
	return text, nil
}

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
