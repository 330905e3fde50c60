package sdk

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
)

// DeviceKey is a random secret that an app makes once and keeps on the device.
type DeviceKey string

// NewDeviceKey returns 256 random bits.
func NewDeviceKey() DeviceKey { return DeviceKey(random(32)) }

// String is not the key: it is a secret.
func (DeviceKey) String() string { return redacted }

// GoString is not the key either.
func (DeviceKey) GoString() string { return redacted }

// LogValue is not the key either.
func (DeviceKey) LogValue() slog.Value { return slog.StringValue(redacted) }

const redacted = "[redacted]"

// shown is what fmt and slog get to see of what embeds it and holds secrets.
type shown string

// String is not the secret.
func (s shown) String() string { return string(s) + " " + redacted }

// GoString is not the secret either.
func (s shown) GoString() string { return s.String() }

// LogValue is not the secret either.
func (s shown) LogValue() slog.Value { return slog.StringValue(s.String()) }

// random is n random bytes in base64url.
func random(n int) string {
	raw := make([]byte, n)
	rand.Read(raw) // never fails (crypto/rand, Go 1.24)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Tokens are what a sign-in gives. They are secrets; String doesn't show them.
type Tokens struct {
	Account      string `json:"account"`
	Session      string `json:"session"`
	Access       string `json:"access"`
	AccessExpiry int64  `json:"access_expiry"` // Unix milliseconds of this machine's clock
	Refresh      string `json:"refresh"`
}

// String names the session only.
func (t Tokens) String() string { return fmt.Sprintf("tokens of %s %s", t.Session, redacted) }

// GoString names the session only.
func (t Tokens) GoString() string { return t.String() }

// LogValue names the session only.
func (t Tokens) LogValue() slog.Value { return slog.StringValue(t.String()) }
