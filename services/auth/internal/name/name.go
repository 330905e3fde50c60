package name

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"centinela/shared/fault"
)

const (
	least = 3 // characters
	most  = 32
)

// ErrInvalid says that a user name breaks a rule; its field says which, and never the name.
var ErrInvalid = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the user name is not valid")

// Rules are what the configuration adds.
type Rules struct {
	staff, words map[string]bool // by look, without separators
}

// NewRules are the rules with more names that nobody may take.
func NewRules(reserved []string) Rules {
	r := Rules{staff: make(map[string]bool), words: make(map[string]bool)}
	for _, taken := range append(append([]string(nil), staff...), reserved...) {
		r.staff[look(withoutSeparators(taken))] = true
	}
	for _, taken := range words {
		r.words[look(taken)] = true
	}
	return r
}

// Clean brings a user name into the form that is kept and shown, and checks it: 3 to 32 characters, small letters, digits,
// marks and `_ . -`, a letter first and no punctuation last, one script, no look that another name can have. ErrInvalid
// with the field user_name.
func (rules Rules) Clean(typed string) (string, error) {
	if !utf8.ValidString(typed) {
		return "", invalid("must be UTF-8")
	}
	// Length first: no rule below is for long texts. Compatibility forms can grow.
	if n := utf8.RuneCountInString(typed); n > 4*most {
		return "", invalid("must have 3 to 32 characters")
	}
	shown, err := precis.UsernameCaseMapped.String(norm.NFKC.String(typed))
	if err != nil {
		return "", invalid("may have letters, digits and _ . - only, all in one direction of writing")
	}
	shown = strings.ReplaceAll(shown, "i\u0307", "i") // what a small İ is: its dot is not to be seen
	if n := utf8.RuneCountInString(shown); n < least || n > most {
		return "", invalid("must have 3 to 32 characters")
	}
	for _, check := range []func(string) string{characters, marks, scripts, digits} {
		if wrong := check(shown); wrong != "" {
			return "", invalid(wrong)
		}
	}
	if rules.isReserved(shown) {
		return "", invalid("is reserved")
	}
	return shown, nil
}

func invalid(detail string) error {
	return ErrInvalid.WithFields(fault.Field{Pointer: "/user_name", Code: string(fault.CodeInvalidField), Detail: detail})
}

func punctuation(r rune) bool { return r == '_' || r == '.' || r == '-' }

// characters says what is wrong with one of them, "" for nothing.
func characters(shown string) string {
	first, _ := utf8.DecodeRuneInString(shown)
	last, _ := utf8.DecodeLastRuneInString(shown)
	switch {
	case !unicode.IsLetter(first):
		return "must begin with a letter"
	case punctuation(last):
		return "must not end with _ . or -"
	}
	for _, r := range shown {
		if !punctuation(r) && (!unicode.Is(allowed, r) || !unicode.In(r, unicode.L, unicode.Nd, unicode.M) || ignorable(r)) {
			return "may have letters, digits and _ . - only, of those that are in common use"
		}
	}
	return ""
}

// ignorable has no look of its own.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// mostMarks are the signs that an Indic or Thai letter has at most.
const mostMarks = 3

// marks refuses accents one above the other. Letters that Unicode has with two (Vietnamese) are letters; the vowel signs of
// a script are its own.
func marks(shown string) string {
	accents, signs, accented := 0, 0, false
	for _, r := range shown {
		switch {
		case !unicode.IsMark(r):
			accents, signs, accented = 0, 0, utf8.RuneCountInString(norm.NFD.String(string(r))) > 1 && unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		case unicode.Is(unicode.Inherited, r):
			accents++
		default:
			signs++
		}
		if accents > 1 || (accents == 1 && accented) || accents+signs > mostMarks {
			return "may have one mark a letter"
		}
	}
	return ""
}
