package id

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

const (
	randomBytes = 15 // 120 bits, which fill 24 characters of 5 bits with none left over
	length      = 24
	alphabet    = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford: no i, l, o, u
)

var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// New is a fresh identifier: New("acc") is "acc_" and 24 characters of
// lowercase Crockford base32.
func New(prefix string) string {
	var b [randomBytes]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return prefix + "_" + encoding.EncodeToString(b[:])
}

// Valid reports whether s has the form of an identifier with this prefix.
func Valid(prefix, s string) bool {
	tail, ok := strings.CutPrefix(s, prefix+"_")
	return ok && len(tail) == length && strings.Trim(tail, alphabet) == ""
}
