package account_test

import (
	"errors"
	"strings"
	"testing"

	"centinela/services/auth/internal/account"
)

// design auth.md: 3–32, a Unicode identifier after NFKC, a letter first.
func TestCleanName(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":                     {"ana", "ana"},
		"kept as written":           {"Ana.Pérez_9-x", "Ana.Pérez_9-x"},
		"other scripts":             {"Ольга7", "Ольга7"},
		"NFKC":                      {"ａｎａ", "ana"},
		"32 letters":                {strings.Repeat("ñ", 32), strings.Repeat("ñ", 32)},
		"combining becomes one":     {"Pe\u0301rez", "Pérez"},
		"too short":                 {"ab", ""},
		"33":                        {strings.Repeat("a", 33), ""},
		"digit first":               {"1ana", ""},
		"dot first":                 {".ana", ""},
		"mark first":                {"\u0301ana", ""},
		"space":                     {"ana p", ""},
		"control":                   {"ana\x00", ""},
		"zero width joiner":         {"an\u200da", ""},
		"direction":                 {"an\u202ea", ""},
		"letter that nobody sees":   {"ana\u3164", ""},
		"variation selector":        {"ana\ufe0f", ""},
		"emoji":                     {"ana😀", ""},
		"operator of a query":       {"ana$gt", ""},
		"not UTF-8":                 {"ana\xff", ""},
		"short only after NFKC, 3→": {"\u2460\u2461\u2462", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := account.CleanName(c.in)
			if got != c.want || (c.want == "") != errors.Is(err, account.ErrNameInvalid) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// Names that look the same are the same; names that don't aren't.
func TestNameKey(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"case":               {"Ana", "aNA", true},
		"German sharp s":     {"Straße", "STRASSE", true},
		"NFKC":               {"ａｎａ", "ana", true},
		"spaces around":      {" ana ", "ana", true},
		"Cyrillic a":         {"аna", "ana", true},
		"whole in Cyrillic":  {"сосо", "coco", true},
		"Cyrillic capital":   {"АНА", "aha", true},
		"Greek":              {"ανα", "ava", true},
		"digits":             {"r0b1n", "robln", true},
		"dotless i":          {"\u0131van", "ivan", true},
		"accents matter":     {"ana", "aná", false},
		"other names":        {"ana", "eva", false},
		"separators matter":  {"a.na", "a_na", false},
		"capital I as l":     {"PaypaI", "paypal", true},
		"1 as l":             {"paypa1", "paypal", true},
		"Ivan and Lvan":      {"Ivan", "lvan", true},
		"rn as m":            {"arnazon", "amazon", true},
		"j is no i":          {"jan", "ian", false},
		"Cyrillic with none": {"жук", "xyk", false},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := account.NameKey(c.a), account.NameKey(c.b); (a == b) != c.same {
				t.Errorf("%q and %q", a, b)
			}
		})
	}
}
