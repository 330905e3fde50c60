package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// hidden is embedded by what must not be seen.
type hidden struct {
	// == is refused by the compiler: it would compare addresses, and a compare
	// of secrets must take the same time wherever they differ. Use Equal.
	_ [0]func()
}

// String is "[redacted]".
func (hidden) String() string { return redacted }

// Format writes "[redacted]" for every verb, also for those that never ask String.
func (hidden) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, redacted) // fmt.State has no way to report an error
}

// MarshalText gives "[redacted]" to the encoders of JSON, YAML and XML.
func (hidden) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue is "[redacted]".
func (hidden) LogValue() slog.Value { return slog.StringValue(redacted) }

// String is text that redacts itself in fmt, JSON, YAML and slog. The zero
// value is the empty text.
type String struct {
	hidden
	// A pointer, because fmt prints an unexported field of another struct by
	// reflection, without asking Format; of a pointer it prints the address.
	text *string
}

// NewString hides s.
func NewString(s string) String {
	if s == "" {
		return String{}
	}
	return String{text: &s}
}

// Reveal is the text itself: the only way to it.
func (s String) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether the text is empty.
func (s String) IsZero() bool { return s.text == nil }

// Equal compares in constant time (for texts of one length).
func (s String) Equal(other String) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other.Reveal())) == 1
}

// UnmarshalText sets the text. It refuses the placeholder: a printed config
// that is loaded again must not make "[redacted]" somebody's password.
func (s *String) UnmarshalText(text []byte) error {
	if string(text) == redacted {
		return errors.New(redacted + " is the placeholder of a hidden value, not a value")
	}
	*s = NewString(string(text))
	return nil
}
