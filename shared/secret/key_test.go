package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// macGolden is MAC("code", "a", "bc") under the key of 32 bytes 0x01, computed
// with Python's hmac from RFC 5869 and the layout in MAC's comment.
const macGolden = "27f06c07b32e3dc2bd996c2972a98babd4239cffaa79f3d42663032ad0028720"

func TestToken(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		s := Token(32).Reveal()
		raw, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil || len(raw) != 32 || seen[s] {
			t.Fatalf("%d bytes, %v, repeated %v", len(raw), err, seen[s])
		}
		seen[s] = true
	}
}

// Each digit is equally likely: 100,000 draws, each within 5 sigma (474) of
// 10,000. Taking a byte modulo ten would give 0..5 10,156.
func TestDigits(t *testing.T) {
	if got := Digits(6).Reveal(); len(got) != 6 || strings.Trim(got, "0123456789") != "" {
		t.Fatalf("got %d characters", len(got))
	}
	if !Digits(0).IsZero() {
		t.Error("no digits are some")
	}
	var counts [10]int
	for _, digit := range Digits(100_000).Reveal() {
		counts[digit-'0']++
	}
	for digit, n := range counts {
		if n < 10_000-474 || n > 10_000+474 {
			t.Errorf("%d came %d times", digit, n)
		}
	}
}

func TestHashAndEqual(t *testing.T) {
	want := sha256.Sum256([]byte("token"))
	if !Equal(Hash("token"), want[:]) || Equal(Hash("token"), Hash("tokem")) || Equal(nil, Hash("")) {
		t.Error("wrong hash or comparison")
	}
}

func fixedKey(t *testing.T, fill byte) Key {
	t.Helper()
	key, err := NewKey(bytes.Repeat([]byte{fill}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyID(t *testing.T) {
	sum := sha256.Sum256(bytes.Repeat([]byte{1}, keySize))
	if got := fixedKey(t, 1).ID; got != hex.EncodeToString(sum[:4]) {
		t.Errorf("got %q", got)
	}
	if _, err := NewKey(make([]byte, 31)); err == nil {
		t.Error("31 bytes are a key")
	}
	if RandomKey().ID == RandomKey().ID {
		t.Error("two random keys are the same")
	}
}

// No two lists of parts give the same input, and no purpose, or key, that of another.
func TestMACSeparates(t *testing.T) {
	key := fixedKey(t, 1)
	macs := [][]byte{
		key.MAC("code", "a", "bc"), key.MAC("code", "ab", "c"), key.MAC("code", "abc"), key.MAC("code", "abc", ""),
		key.MAC("codea", "bc"), key.MAC("code"), key.MAC("link", "a", "bc"), fixedKey(t, 2).MAC("code", "a", "bc"),
	}
	for i := range macs {
		if len(macs[i]) != 32 {
			t.Errorf("%d bytes", len(macs[i]))
		}
		for j := range i {
			if Equal(macs[i], macs[j]) {
				t.Errorf("%d and %d are the same", i, j)
			}
		}
	}
	if !Equal(key.MAC("code", "a", "bc"), macs[0]) {
		t.Error("not repeatable")
	}
	// A stored MAC must hold over releases.
	if got := hex.EncodeToString(macs[0]); got != macGolden {
		t.Errorf("the MAC changed to %s: stored codes stop working", got)
	}
}

func TestSealOpen(t *testing.T) {
	key, plain, aad := fixedKey(t, 1), []byte("text"), []byte("row 1")
	box := key.Seal(plain, aad)
	if got, err := key.Open(box, aad); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("got %q, %v", got, err)
	}
	if bytes.Equal(box, key.Seal(plain, aad)) {
		t.Error("the nonce repeats")
	}
	if !bytes.HasPrefix(box, []byte(key.ID)) || bytes.Contains(box, plain) {
		t.Error("the box must begin with the key's ID and hide the text")
	}
	if _, err := key.Open(box, []byte("row 2")); !errors.Is(err, ErrDamaged) {
		t.Errorf("moved to another row: %v", err)
	}
	if _, err := fixedKey(t, 2).Open(box, aad); !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key: %v", err)
	}
	for i := range box {
		bad := bytes.Clone(box)
		bad[i] ^= 1
		if _, err := key.Open(bad, aad); err == nil {
			t.Errorf("byte %d may be changed", i)
		}
		if _, err := key.Open(box[:i], aad); err == nil {
			t.Errorf("cut to %d bytes it opens", i)
		}
	}
	if got, err := key.Open(key.Seal(nil, nil), nil); err != nil || len(got) != 0 {
		t.Errorf("the empty text: %q, %v", got, err)
	}
}
