package account

import (
	"crypto/rand"
	"encoding/base32"

	"centinela/shared/secret"
)

const (
	codeCount = 4
	codeBytes = 10 // 80 bits
)

// crockford leaves out I L O U (crockford.com/base32.html).
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newCodes makes four codes: the texts to show once, and what is kept of them.
func newCodes(key secret.Key, account string) (shown []secret.String, kept []SavedCode) {
	for range codeCount {
		var raw [codeBytes]byte
		rand.Read(raw[:]) // never fails (crypto/rand, Go 1.24)
		text := crockford.EncodeToString(raw[:])
		shown = append(shown, secret.NewString(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
		kept = append(kept, SavedCode{Hash: codeHash(key, account, text)})
	}
	return shown, kept
}

// codeHash binds a code to its account, so that a kept code can't be moved to another one.
func codeHash(key secret.Key, account, plain string) []byte {
	return key.MAC("saved-code", account, plain)
}

// findCode returns the index of the code with that hash, or -1. It compares all of them, each in constant time.
func (a *Account) findCode(hash []byte) int {
	found := -1
	for i := range a.SavedCodes {
		if secret.Equal(a.SavedCodes[i].Hash, hash) {
			found = i
		}
	}
	return found
}
