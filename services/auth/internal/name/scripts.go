package name

import "unicode"

// mixtures are the scripts that may stand together (UTS 39 §5.2, Highly Restrictive): what Japanese, Chinese and Korean
// are written with, and Latin letters.
var mixtures = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// prolonged is a letter of no script of its own, that looks like others: it is only known in Japanese.
const prolonged = 'ー'

// scripts says what is wrong with the scripts of a name, "" for nothing.
func scripts(shown string) string {
	found := scriptsOf(shown)
	for _, r := range shown {
		if !unicode.IsLetter(r) || !unicode.Is(unicode.Common, r) {
			continue
		}
		if r != prolonged || (!found["Hiragana"] && !found["Katakana"]) {
			return "has a letter that belongs to no script"
		}
	}
	if len(found) <= 1 {
		return ""
	}
	for _, mixture := range mixtures {
		together := 0
		for _, script := range mixture {
			if found[script] {
				together++
			}
		}
		if together == len(found) {
			return ""
		}
	}
	return "must be of one script"
}

func scriptsOf(text string) map[string]bool {
	found := make(map[string]bool)
	for _, r := range text {
		if script := scriptOf(r); script != "" {
			found[script] = true
		}
	}
	return found
}

// scriptOf is "" for what stands in texts of several.
func scriptOf(r rune) string {
	if r < 0x80 {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	}
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for script, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return script
		}
	}
	return "unknown"
}

// digits says what is wrong with the digits, "" for nothing: one row of ten (UTS 39 §5.3), that of ASCII or of the script.
func digits(shown string) string {
	row, arabic := rune(-1), scriptsOf(shown)["Arabic"]
	for _, r := range shown {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		zero := rowOf(r)
		if (row != -1 && zero != row) || (r >= 0x80 && unicode.Is(unicode.Common, r) && !arabic) {
			return "must have digits of one kind"
		}
		row = zero
	}
	return ""
}

// rowOf tells rows of digits apart: Unicode gives each script its ten in a row (Unicode Standard §4.6).
func rowOf(r rune) rune {
	first := r
	for unicode.Is(unicode.Nd, first-1) && r-first < 9 {
		first--
	}
	return first
}
