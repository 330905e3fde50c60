package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"centinela/shared/fault"
)

const (
	minName = 3
	maxName = 32
)

// CleanName brings a user name into the form that is shown (NFKC) and checks it: 3 to 32 characters, letters, digits,
// marks and `_ . -`, a letter first. ErrNameInvalid with the field user_name.
func CleanName(name string) (string, error) {
	name = norm.NFKC.String(name)
	if n := utf8.RuneCountInString(name); n < minName || n > maxName {
		return "", nameFault("must have 3 to 32 characters")
	}
	for i, r := range name {
		if i == 0 && !unicode.IsLetter(r) {
			return "", nameFault("must begin with a letter")
		}
		if !nameRune(r) {
			return "", nameFault("may have letters, digits and _ . - only")
		}
	}
	return name, nil
}

// nameRune refuses what has no look of its own: a letter that nobody sees makes two names that look the same.
func nameRune(r rune) bool {
	if unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) || r == utf8.RuneError {
		return false
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("_.-", r)
}

func nameFault(detail string) error {
	return ErrNameInvalid.WithFields(fault.Field{Pointer: "/user_name", Code: string(fault.CodeInvalidField), Detail: detail})
}

// NameKey is what makes names the same: NFKC, case folding, and one letter for all that look alike (a skeleton in the
// manner of Unicode UTS 39 §4, with the common look-alikes only). It takes anything: sign-in asks with what was typed.
func NameKey(name string) string {
	return skeleton(fold(name))
}

func fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(strings.TrimSpace(s))))
}

// skeleton maps "rn" last, when every look-alike of r and n is one.
func skeleton(folded string) string {
	text := strings.Map(func(r rune) rune {
		if like, ok := lookAlikes[r]; ok {
			return like
		}
		return r
	}, folded)
	return strings.ReplaceAll(text, "rn", "m")
}

// lookAlikes maps folded letters and digits to the Latin letter they pass for. i is l: a capital I passes for a small l
// ("paypaI"), and folding has made it an i.
var lookAlikes = map[rune]rune{
	'0': 'o', '1': 'l', 'i': 'l',
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'һ': 'h', 'н': 'h', 'і': 'l', 'ј': 'j', 'к': 'k', 'ӏ': 'l',
	'м': 'm', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'ѕ': 's', 'т': 't', 'у': 'y', 'ү': 'y', 'ѵ': 'v', 'ԝ': 'w', 'х': 'x',
	// Greek
	'α': 'a', 'β': 'b', 'ε': 'e', 'η': 'n', 'ι': 'l', 'κ': 'k', 'μ': 'm', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'τ': 't',
	'υ': 'u', 'χ': 'x', 'γ': 'y', 'ϲ': 'c', 'ϳ': 'j', 'ζ': 'z',
	// Latin that passes for another
	'ı': 'l', 'ɑ': 'a', 'ɡ': 'g', 'ɩ': 'l', 'ɪ': 'l', 'ꜱ': 's', 'ƽ': 's', 'ʋ': 'u', 'ɴ': 'n', 'ʟ': 'l', 'ᴏ': 'o', 'ᴠ': 'v',
	'ᴡ': 'w', 'ᴢ': 'z', 'ᴄ': 'c', 'ꓲ': 'l',
}
