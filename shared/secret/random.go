package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// Token is base64url, without padding, of that many random bytes.
func Token(bytes int) String {
	b := make([]byte, bytes)
	rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return NewString(base64.RawURLEncoding.EncodeToString(b))
}

// Digits is n decimal digits, each of the ten equally likely.
func Digits(n int) String {
	digits := make([]byte, 0, n)
	var b [32]byte
	for len(digits) < n {
		rand.Read(b[:])
		for _, v := range b {
			// 250..255 would make 0..5 likelier than the rest.
			if v < 250 && len(digits) < n {
				digits = append(digits, '0'+v%10)
			}
		}
	}
	return NewString(string(digits))
}

// Hash is the SHA-256 of a token. For tokens of 128 random bits and more only:
// a short code must go through Key.MAC, or the hash is reversed by trying all.
func Hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Equal compares in constant time (for slices of one length).
func Equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
