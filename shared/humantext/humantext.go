package humantext

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Len is the length of s in characters (code points), which is what limits in
// specifications count. A byte that is no UTF-8 counts as one.
func Len(s string) int { return utf8.RuneCountInString(s) }

// Identifier is a name, an address or a number as it is typed to sign in:
// without what nobody sees, anywhere in it. Letters, case and form stay.
func Identifier(s string) string { return keep(s, visible) }

// Code reads a numeric code of that many digits: any script's digits, with
// spaces, dashes, other punctuation and a leading # around and between them. ok
// is false for everything that can't be such a code, whatever was sent.
func Code(s string, digits int) (code string, ok bool) {
	code = compact(s, separator)
	if len(code) != digits || strings.Trim(code, "0123456789") != "" {
		return "", false
	}
	return code, true
}

// Phone is a phone number to be parsed: without what nobody sees and without
// dashes, digits and the plus sign in ASCII.
func Phone(s string) string {
	return compact(s, dash)
}

// The lengths of a saved code without its dashes, in characters: 80 bits is what
// the first ones had.
const (
	minSavedCode = 16
	maxSavedCode = 32
)

// SavedCode reads a code off paper, in Crockford's base32
// (crockford.com/base32.html): any case, O for 0, I and L for 1, spaces and
// dashes are nothing. ok is false for what can't be one.
func SavedCode(s string) (code string, ok bool) {
	code = strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(compact(s, separator)))
	if len(code) < minSavedCode || len(code) > maxSavedCode || strings.Trim(code, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") != "" {
		return "", false
	}
	return code, true
}

// ReplyWord is the first word of an answer to a text, in small letters without
// accents: "no" of `¡NO!`, "No, no fui yo" and "(Nó)". Empty: there is no letter.
func ReplyWord(s string) string {
	// Compatibility forms first (full width, styled letters), then the letters
	// without their marks, then case.
	letters := keep(norm.NFKD.String(valid(s)), func(r rune) bool { return !unicode.IsMark(r) && !invisible(r) })
	letters = strings.ToLower(letters)
	letters = strings.TrimLeftFunc(letters, func(r rune) bool { return !unicode.IsLetter(r) })
	if end := strings.IndexFunc(letters, func(r rune) bool { return !unicode.IsLetter(r) }); end >= 0 {
		return letters[:end]
	}
	return letters
}

// ReplyDigits are the digits after the first words of an answer, in ASCII: "4821"
// of "NO 4821", "no-48 21, please" and "No fui yo 4821". Empty: there are none.
func ReplyDigits(s string) string {
	after := strings.TrimLeftFunc(compact(s, separator), func(r rune) bool { return !unicode.IsLetter(r) })
	after = strings.TrimLeftFunc(after, unicode.IsLetter)
	return after[:len(after)-len(strings.TrimLeft(after, "0123456789"))]
}

// compact is s in one form (NFKC: full width and styled characters are plain
// ones) with ASCII digits, without what nobody sees and without what is dropped.
func compact(s string, dropped func(rune) bool) string {
	shown := keep(norm.NFKC.String(valid(s)), func(r rune) bool { return visible(r) && !dropped(r) })
	return ascii(norm.NFKC.String(shown)) // again: a letter and the mark after a dropped space are one now
}

// valid has U+FFFD for what is no UTF-8, which normalisation would stop at.
func valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

func keep(s string, wanted func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if wanted(r) {
			return r
		}
		return -1
	}, s)
}

func visible(r rune) bool { return !invisible(r) && !blank(r) }

// invisible are the characters with property Default_Ignorable_Code_Point,
// controls, and the rest of the format characters, which phones put round a
// copied number (U+202A, U+2068).
func invisible(r rune) bool {
	return !unicode.IsSpace(r) &&
		unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// blank are the space characters, and the one pattern of Braille without a dot.
func blank(r rune) bool { return unicode.IsSpace(r) || r == '\u2800' }

// dash are the characters with property Dash, and the prolonged sound mark that
// Japanese keyboards give instead.
func dash(r rune) bool { return unicode.Is(unicode.Dash, r) || r == 'ー' }

// separator is what people put round and between the characters of a code.
func separator(r rune) bool { return dash(r) || unicode.IsPunct(r) }

// ascii turns the decimal digits of every script into 0 to 9.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII && unicode.Is(unicode.Nd, r) {
			return '0' + value(r)
		}
		return r
	}, s)
}

// value is that of a decimal digit. Unicode gives each script its ten in a row
// that begins with zero (Unicode Standard §4.6), so a range of category Nd is
// whole rows: TestDigitRows.
func value(r rune) rune {
	for _, row := range unicode.Nd.R16 {
		if r <= rune(row.Hi) {
			return (r - rune(row.Lo)) % 10
		}
	}
	for _, row := range unicode.Nd.R32 {
		if r <= rune(row.Hi) {
			return (r - rune(row.Lo)) % 10
		}
	}
	return 0 // no digit: never asked for
}
