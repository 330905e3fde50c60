package humantext

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestDigitRows: what value relies on holds in this version of Unicode's tables.
func TestDigitRows(t *testing.T) {
	rows := 0
	check := func(lo, hi, stride uint32) {
		rows++
		if stride != 1 || (hi-lo+1)%10 != 0 {
			t.Errorf("%U to %U, stride %d: no whole rows of ten", lo, hi, stride)
		}
	}
	for _, r := range unicode.Nd.R16 {
		check(uint32(r.Lo), uint32(r.Hi), uint32(r.Stride))
	}
	for _, r := range unicode.Nd.R32 {
		check(r.Lo, r.Hi, r.Stride)
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
	for _, c := range []struct{ in, want string }{
		{"0123456789", "0123456789"},
		{"٠١٢٣٤٥٦٧٨٩", "0123456789"},
		{"۰۱۲۳۴۵۶۷۸۹", "0123456789"},
		{"०१२३४५६७८९", "0123456789"},
		{"０１２３４５６７８９", "0123456789"},
		{"𝟘𝟡𝟎𝟗𝟶𝟿", "090909"},
		{"a٣b", "a3b"},
	} {
		if got := ascii(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

// FR A8: the right code in the forms in which people type and paste it; what has
// another number of digits, or a letter, is no code.
func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"12345678": "12345678", "1234 5678": "12345678", "1234-5678": "12345678", "#12345678": "12345678",
		" 1 2 3 4 5 6 7 8 ": "12345678", "1234\u00a05678": "12345678", "1234\u202f5678\n": "12345678", "1234–5678": "12345678",
		"12345678.": "12345678", "«12345678»": "12345678", "\u202a12345678\u202c": "12345678", "1234\u200b5678": "12345678",
		"１２３４５６７８": "12345678", "١٢٣٤٥٦٧٨": "12345678", "＃１２３４－５６７８": "12345678", "\ufeff12345678": "12345678", "1234ー5678": "12345678",
		"": "", "1234567": "", "123456789": "", "1234567O": "", "hello": "", "+12345678": "", "1234567½": "", "12345678 12345678": "",
		"\xff12345678": "", "12345678\x00": "12345678",
	} {
		if got, ok := Code(in, 8); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
	if got, ok := Code("12 34 56", 6); got != "123456" || !ok {
		t.Error("six digits")
	}
}

// FR A6, A7: full width, marks of direction, spaces and dashes of every kind.
func TestPhone(t *testing.T) {
	for in, want := range map[string]string{
		"+34 600 123 456": "+34600123456", "＋３４６００１２３４５６": "+34600123456", "\u202a+34600123456\u202c": "+34600123456",
		"\u2068+34600123456\u2069": "+34600123456", "\u200e+34 600\u2011123\u2010456": "+34600123456", "+34\u00a0600\u2009123\u3000456": "+34600123456",
		"+٣٤٦٠٠١٢٣٤٥٦": "+34600123456", "+1 (202) 555-0101": "+1(202)5550101", "tel:+34600123456": "tel:+34600123456", "": "", "hello there": "hellothere",
	} {
		if got := Phone(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestSavedCode: read off paper; what can't be one is known without asking anybody.
func TestSavedCode(t *testing.T) {
	const code = "K7QM2F9XWB4T01HR"
	for in, want := range map[string]string{
		"K7QM-2F9X-WB4T-01HR": code, "k7qm 2f9x wb4t o1hr": code, "K7QM–2F9X–WB4T–OlHR": code, "k7qm2f9xwb4t0ihr": code,
		"\u202aK7QM-2F9X-WB4T-01HR\u202c": code, "Ｋ７ＱＭ-2F9X-WB4T-01HR": code, "K7QM_2F9X.WB4T-01HR": code,
		"": "", "WRONG-CODE": "", "K7QM-2F9X-WB4T-01H": "", "K7QM-2F9X-WB4T-01HU": "", "K7QM-2F9X-WB4T-01H+": "",
		strings.Repeat("A", 32): strings.Repeat("A", 32), strings.Repeat("A", 33): "",
	} {
		if got, ok := SavedCode(in); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
}

// TestIdentifier: what nobody sees goes; what somebody sees stays as it is.
func TestIdentifier(t *testing.T) {
	for in, want := range map[string]string{
		" ana ": "ana", "\u200bana\ufeff": "ana", "ana\u00ad@example.org": "ana@example.org", "\u2067عمر\u2069": "عمر", "Ana.Ñ": "Ana.Ñ",
		"+51 987 654 321": "+51987654321", "ana\u3164": "ana", "a\u2800na": "ana", "ana\ufe0f": "ana", "": "",
	} {
		if got := Identifier(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FR A4: what people write when they mean no.
func TestReplyWord(t *testing.T) {
	for in, want := range map[string]string{
		"NO": "no", "¡NO!": "no", "NO !": "no", `"NO"`: "no", "No, no fui yo": "no", "No gracias": "no", "STOPALL": "stopall", "NO,": "no",
		"(NO)": "no", " no. ": "no", "Nó": "no", "ＮＯ": "no", "𝐍𝐎": "no", "NO 4821": "no", "NO4821": "no", "N\u200bO": "no", "\u2068No\u2069": "no",
		"Sí": "si", "нет": "нет", "4821 no": "no", "": "", "4821": "", "👍": "", "maybe not": "maybe", "Straße": "straße",
	} {
		if got := ReplyWord(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The word that an answer objects with (design: recovery, "Answers").
func TestReplyDigits(t *testing.T) {
	for in, want := range map[string]string{
		"NO 4821": "4821", "no4821": "4821", "No, 4821!": "4821", "¡NO! #4821": "4821", "ＮＯ ４８２１": "4821", "no-48 21": "4821", "NO ٤٨٢١": "4821",
		"NO": "", "": "", "4821": "", "No fui yo 4821": "4821", "4821 no": "", "no 4821 2": "48212", "Nó\u200b 4821 por favor": "4821", "12 no 4821": "4821",
	} {
		if got := ReplyDigits(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestInvisible: every character with property Default_Ignorable_Code_Point
// (Unicode's derivation: those three less space, annotations and what is shown)
// is nothing, and no letter, digit or plus is.
func TestInvisible(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		switch {
		case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector), unicode.IsSpace(r):
			if visible(r) {
				t.Errorf("%U is shown", r)
			}
		case unicode.In(r, unicode.L, unicode.Nd, unicode.Sm):
			if !visible(r) {
				t.Errorf("%U is nothing", r)
			}
		}
	}
}

func TestLen(t *testing.T) {
	if Len("＋３４６００１２３４５６") != 12 || Len("ñ\xff") != 2 || Len("") != 0 {
		t.Error("characters, not bytes")
	}
}

// FuzzAll: no input breaks a cleaner; each gives a form of which it makes the
// same again, and a code that it gives is one.
func FuzzAll(f *testing.F) {
	for _, s := range []string{"", "1234 5678", "＋３４ ６００", "\u202a+34\u202c", "K7QM-2F9X-WB4T-Z6HR", "¡NO!", "\xff\xfe", "ﷺ", "ẞ", "İ", "a\u0345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if code, ok := Code(s, 8); ok {
			if again, ok := Code(code, 8); len(code) != 8 || !ok || again != code {
				t.Errorf("Code %q: %q", s, code)
			}
		}
		if code, ok := SavedCode(s); ok {
			if again, ok := SavedCode(code); !ok || again != code || strings.ContainsAny(code, "OIL-") {
				t.Errorf("SavedCode %q: %q", s, code)
			}
		}
		for name, clean := range map[string]func(string) string{"Phone": Phone, "Identifier": Identifier, "ReplyWord": ReplyWord} {
			if once := clean(s); clean(once) != once {
				t.Errorf("%s of %q: %q, then %q", name, s, once, clean(once))
			}
		}
	})
}
