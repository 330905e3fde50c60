package password

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
	"golang.org/x/text/unicode/norm"

	"centinela/services/auth/internal/name"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

const (
	maxPassword   = 256 // characters after NFKC
	strengthUpTo  = 72  // characters: zxcvbn takes 10.8 s for 1,000 (design: dependencies)
	leastStrength = 3   // of 4
	leastNamePart = 4   // shorter user names are in too many good passwords by chance
)

// ErrTooWeak says that a password breaks a rule; its field says which.
var ErrTooWeak = fault.New(fault.KindInvalid, fault.CodePasswordTooWeak, "choose another password")

// Rules is what the config decides of them.
type Rules struct {
	Least int // characters of a password without a second factor
}

// Check applies the rules of design auth.md to a new password: length, strength, and no user name in it. There
// is no list of common passwords of its own, because zxcvbn embeds the 30,000 of shared/data/passwords and scores what
// is made of them under 3. ErrTooWeak with the field at pointer, which says what to do and never the value.
func (r Rules) Check(pointer, userName string, password secret.String) error {
	text := norm.NFKC.String(password.Reveal())
	weak := func(detail string) error {
		return ErrTooWeak.WithFields(fault.Field{Pointer: pointer, Code: string(fault.CodePasswordTooWeak), Detail: detail})
	}
	n := utf8.RuneCountInString(text)
	if n < r.Least {
		return weak(fmt.Sprintf("use at least %d characters: four or five words that have nothing to do with each other are easy to remember", r.Least))
	}
	if n > maxPassword {
		return weak("use at most 256 characters")
	}
	if hasName(text, userName) {
		return weak("leave your user name out of it")
	}
	if strength(text, userName) < leastStrength {
		return weak("it is easy to guess: leave out dates, names, rows of keys and repeats, and add a word or two that don't belong together")
	}
	return nil
}

func hasName(password, userName string) bool {
	folded, whole := name.Fold(userName), name.Fold(password)
	if utf8.RuneCountInString(folded) < leastNamePart {
		return false
	}
	return strings.Contains(whole, folded) || strings.Contains(name.Skeleton(whole), name.Skeleton(folded))
}

func strength(password, userName string) int {
	text := inASCII(password)
	text = text[:min(len(text), strengthUpTo)]
	return zxcvbn.PasswordStrength(text, []string{inASCII(userName), "centinela"}).Score
}

// inASCII makes text into what zxcvbn can read: v1.0.1 mixes bytes with characters, and scores a good password of
// Arabic letters 0. Accents go, so that Spanish words are found in its lists; any other character becomes a letter, the
// same one each time and neighbours for neighbours, so that repeats and rows stay what they are. No estimate grows by it:
// what is in no list counts ten guesses a character, whichever it is.
func inASCII(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case r >= 0x300 && r <= 0x36f: // combining accents
			return -1
		}
		return 'a' + r%26
	}, norm.NFKD.String(text))
}
