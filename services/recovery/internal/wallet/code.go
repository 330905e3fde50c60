package wallet

import (
	"time"

	"centinela/services/recovery/internal/limits"
	"centinela/shared/id"
	"centinela/shared/secret"
)

// Code is a code that was sent and not used yet: only its keyed MAC.
type Code struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"` // id of the number it went to
	MAC       []byte    `json:"mac"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Good reports whether the code with that MAC is this one, and in time.
func (c *Code) Good(mac []byte, now time.Time) bool {
	return secret.Equal(c.MAC, mac) && now.Before(c.ExpiresAt)
}

// CodeUse is what a code is good for, and nothing else: its purpose, the flow or
// account that it was made for, the number that it went to and, of a flow, the
// hash of the device key.
type CodeUse struct{ Purpose, Owner, Number, Device string }

// NewCode is a code that was made now.
func (s *Service) NewCode(use CodeUse, code secret.String, now time.Time) *Code {
	return &Code{ID: id.New("cod"), Number: use.Number, ExpiresAt: now.Add(limits.CodeTTL), MAC: s.CodeMAC(use, code)}
}

// CodeMAC is the keyed MAC of a code for one use.
func (s *Service) CodeMAC(use CodeUse, code secret.String) []byte {
	return s.o.Key.MAC("sms code", use.Purpose, use.Owner, use.Number, use.Device, code.Reveal())
}
