package name

import (
	"sort"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"centinela/shared/humantext"
)

// Key is what makes names the same, whatever was typed: case, form, what nobody sees, accents and look-alikes make no
// difference. It is unique among accounts, and what sign-in looks for.
func Key(typed string) string { return Skeleton(Fold(humantext.Identifier(typed))) }

// Fold is text without case and form.
func Fold(s string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
}

// Skeleton maps all that looks alike to one: the prototypes of UTS 39 §4, then what they leave. It is for what was folded.
func Skeleton(folded string) string {
	// Some prototypes are capitals (0 is O), and a folded prototype can have one itself.
	for range 3 {
		next := Fold(prototypes(folded))
		if next == folded {
			break
		}
		folded = next
	}
	return oneLine.Replace(two.Replace(folded))
}

var (
	// two letters that are read as one. UTS 39 has only rn, as the prototype of m.
	two = strings.NewReplacer("vv", "w", "cl", "d")
	// i is l: a capital I passes for a small l ("paypaI"), and folding has made it an i.
	oneLine = strings.NewReplacer("i", "l")
)

// prototypes is the skeleton of UTS 39 §4, without accents: a dot or a line more is not seen.
func prototypes(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if !ignorable(r) {
			b.WriteString(prototype(r))
		}
	}
	return withoutAccents(norm.NFD.String(b.String()))
}

func prototype(r rune) string {
	at := sort.Search(len(confusables), func(i int) bool { return confusables[i].from >= r })
	if at < len(confusables) && confusables[at].from == r {
		return confusables[at].to
	}
	return string(r)
}

// withoutAccents takes the marks off letters whose scripts go without them, and leaves those that make another letter in
// theirs (Japanese, Indic).
func withoutAccents(nfd string) string {
	var base rune
	return strings.Map(func(r rune) rune {
		if !unicode.IsMark(r) {
			base = r
			return r
		}
		if unicode.Is(unicode.Inherited, r) && unicode.In(base, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Arabic) {
			return -1
		}
		return r
	}, nfd)
}
