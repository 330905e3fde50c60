package name

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
)

func clean(t *testing.T, typed, want string) {
	t.Helper()
	got, err := NewRules(nil).Clean(typed)
	if got != want || (want == "") != errors.Is(err, ErrInvalid) {
		t.Errorf("%q: %q, %v; want %q", typed, got, err, want)
	}
}

// design auth.md: 3 to 32, PRECIS UsernameCaseMapped, a letter first, no punctuation last, no stacked marks.
func TestClean(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":                   {"anabel", "anabel"},
		"small letters":           {"Ana.Pérez_9-x", "ana.pérez_9-x"},
		"full width":              {"ａｎａ", "ana"},
		"Turkish capital":         {"İstanbul", "istanbul"},
		"ligature":                {"oﬃce7", "office7"},
		"32 letters":              {strings.Repeat("ñ", 32), strings.Repeat("ñ", 32)},
		"combining becomes one":   {"Pe\u0301rez", "pérez"},
		"one mark":                {"x\u0301ana", "x\u0301ana"},
		"too short":               {"ab", ""},
		"short with marks":        {"a\u0301b", ""},
		"33":                      {strings.Repeat("a", 33), ""},
		"very long":               {strings.Repeat("a", 1<<16), ""},
		"digit first":             {"1ana", ""},
		"dot first":               {".ana", ""},
		"mark first":              {"\u0301ana", ""},
		"dot last":                {"ana.", ""},
		"line last":               {"ana_", ""},
		"dash last":               {"ana-", ""},
		"space":                   {"ana p", ""},
		"control":                 {"ana\x00", ""},
		"zero width joiner":       {"an\u200da", ""},
		"joiner in its context":   {"क्\u200dष", ""},
		"direction":               {"an\u202ea", ""},
		"letter nobody sees":      {"ana\u3164", ""},
		"variation selector":      {"ana\ufe0f", ""},
		"emoji":                   {"ana😀", ""},
		"operator of a query":     {"ana$gt", ""},
		"not UTF-8":               {"ana\xff", ""},
		"circled digits":          {"\u2460\u2461\u2462", ""},
		"two marks":               {"a\u0332\u0331na", ""},
		"thirty marks":            {"a" + strings.Repeat("\u0301", 30) + "na", ""},
		"a mark on an accent":     {"p\u1ecd\u0301na", ""},
		"thirty vowel signs":      {"क" + strings.Repeat("\u093f", 20) + "मल", ""},
		"two kinds of digits":     {"कमल१2", ""},
		"foreign digits":          {"ana१२", ""},
		"Arabic digits, Latin":    {"ana\u0661", ""},
		"Latin and Cyrillic":      {"аna", ""},
		"four scripts":            {"aаαא", ""},
		"Latin and Katakana":      {"anaカナ", "anaカナ"},
		"Katakana and Hangul":     {"カナ한글", ""},
		"long sound in Japanese":  {"スーパー", "スーパー"},
		"long sound in Latin":     {"paypaー", ""},
		"modifier apostrophe":     {"a\u02bbna", ""},
		"a script of the past":    {"𐌰𐌽𐌰", ""},
		"a letter out of use":     {"ana\u01c0", ""},
		"right to left and Latin": {"אבגana", ""},
	} {
		t.Run(name, func(t *testing.T) { clean(t, c.in, c.want) })
	}
}

// Ordinary names of the world pass, each as it is written there, and a second time.
func TestOrdinaryNames(t *testing.T) {
	for language, names := range map[string][]string{
		"es": {"José", "María_Ñusta", "iñaki.goñi", "Núria", "pingüino77", "Begoña-Ruiz"},
		"en": {"Oliver", "o.connor", "Zoe_Smith", "clara", "Claudia2", "Walter"},
		"de": {"Jürgen", "Weiß", "Käthe", "Strauß99"},
		"pl": {"Łukasz", "Małgorzata", "żółw", "Święcicki"},
		"tr": {"İbrahim", "Işıl", "çağla", "Gülşen", "Irmak"},
		"ru": {"Ольга", "Алексей_77", "ёжик", "Йосиф"},
		"el": {"Αλέξανδρος", "Μαρία", "Οδυσσεύς", "ΐος7"},
		"ja": {"さくら", "タロウ", "田中太郎", "ガンダム", "スーパーmario", "東京タワー"},
		"zh": {"王小明", "李雷2024", "張曉華", "abc小明"},
		"ko": {"김철수", "한글abc"},
		"ar": {"محمد", "فاطمة", "عبدالله", "أحمد٢٣", "مُحَمَد"},
		"he": {"דוד", "שרה7"},
		"hi": {"कमल", "हिंदी", "सिंह", "ज़िंदगी", "क्षितिज", "राम२"},
		"vi": {"Nguyễn", "thế_anh", "Đặng"},
		"th": {"สมชาย", "น้ำผึ้ง"},
	} {
		for _, typed := range names {
			shown, err := NewRules(nil).Clean(typed)
			if err != nil {
				t.Errorf("%s: %s is refused: %v", language, typed, err)
				continue
			}
			if again, err := NewRules(nil).Clean(shown); again != shown || err != nil {
				t.Errorf("%s: %s becomes %s, and that %s, %v", language, typed, shown, again, err)
			}
			if Key(typed) != Key(shown) {
				t.Errorf("%s: %s and %s, which it becomes, have different keys", language, typed, shown)
			}
		}
	}
}

// AG D7: beside paypalo none of these can be registered, whatever its letters; they are refused or have its key.
func TestNothingLooksLikePaypalo(t *testing.T) {
	rules, taken := NewRules(nil), Key("paypalo")
	var candidates []string
	for _, o := range []string{
		"\u0585", "\u101d", "\u2c9f", "\u10ff", "\u0d20", "\u09e6", "\u0966", "\u06f0", "\u07c0", "\u1d11", "\u043e", "\u03bf", "0", "O",
		"\u0665", "\u0b66", "\u0ae6", "\u0be6", "\u0c66", "\u0e50", "\u0ed0", "\u1d0f", "\U0001d7d8", "\u00f8", "\u04e9",
	} {
		candidates = append(candidates, "paypal"+o)
	}
	for _, l := range []string{
		"\u01c0", "\u07ca", "\u2d4f", "\u16c1", "\u05d5", "\u0627", "\u04cf", "\u0456", "1", "I", "i", "\u0131", "|", "\ua4f2", "\u0142", "\u0661",
		"\u026a", "\u0399", "\uff4c",
	} {
		candidates = append(candidates, "paypa"+l+"o")
	}
	for _, mark := range []string{"\u0332", "\u0331", "\u0335", "\u0307", "\u0323", "\u0301", "\u0338", "\u034f", "\u200b", "\u200d", "\ufe0f"} {
		candidates = append(candidates, "paypal"+mark+"o", "paypalo"+mark)
	}
	candidates = append(candidates,
		"paypal\u1ecd", "pay\u1e57alo", "paypalo.", "paypalo_", "paypalo-", "раураӏо", "pаypalo", "p\u0430ypalο", "рaypalo", "paуpalo", "PAYPALO",
		"ｐａｙｐａｌｏ", " paypalo ", "paypalo\u00a0", "paypa"+strings.Repeat("\u0301", 30)+"lo", "pаypαlהo", "paypal\u2c9f", "𝗉𝖺𝗒𝗉𝖺𝗅𝗈", "pɑypɑlo",
		"ρaypalo", "þaypalo", "paγpalo", "payрalo", "paypaӀo", "ра\u04af\u0440\u0430\u04cf\u043e", "paypaⅼo", "paypalº",
	)
	if len(candidates) < 52 {
		t.Fatalf("%d candidates", len(candidates))
	}
	for _, c := range candidates {
		shown, err := rules.Clean(c)
		if err == nil && Key(shown) != taken {
			// þ is no p to UTS 39, nor to anybody who knows it.
			if c == "þaypalo" {
				continue
			}
			t.Errorf("%+q (%s) is taken for another name: key %+q, paypalo's is %+q", c, c, Key(shown), taken)
		}
	}
}

// Names that look the same are the same; names that don't aren't.
func TestKey(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		same bool
	}{
		"case":                  {"Ana", "aNA", true},
		"German sharp s":        {"Straße", "STRASSE", true},
		"NFKC":                  {"ａｎａ", "ana", true},
		"spaces around":         {" ana ", "ana", true},
		"what nobody sees":      {"a\u200bn\u2068a\u00ad", "ana", true},
		"whole in Cyrillic":     {"сосо", "coco", true},
		"whole in Greek":        {"ννν", "vvv", true},
		"digits":                {"r0b1n", "robln", true},
		"dotless i":             {"\u0131van", "ivan", true},
		"Turkish capital":       {"İvan", "ivan", true},
		"accents":               {"ana", "aná", true},
		"a bar":                 {"łukasz", "lukasz", true},
		"second NFKC (MU A24)":  {"\u0390ος", "\u03aa\u0301ος", true},
		"capital I as l":        {"PaypaI", "paypal", true},
		"1 as l":                {"paypa1", "paypal", true},
		"Ivan and Lvan":         {"Ivan", "lvan", true},
		"rn as m":               {"arnazon", "amazon", true},
		"vv as w":               {"vvalter", "walter", true},
		"cl as d":               {"clavid", "david", true},
		"ci is no d":            {"cian", "dan", false},
		"j is no i":             {"jan", "ian", false},
		"other names":           {"ana", "eva", false},
		"separators matter":     {"a.na", "a_na", false},
		"Cyrillic with none":    {"жук", "xyk", false},
		"voiced Japanese":       {"かき", "かぎ", false},
		"vowels of Hindi":       {"कमल", "किमल", false},
		"vowels of Arabic":      {"مُحَمَد", "محمد", true},
		"three are not two":     {"aaab", "aab", false},
		"order":                 {"abc", "acb", false},
		"Ñ and n":               {"Ñusta", "nusta", true},
		"final sigma":           {"ΟΔΟΣ", "οδος", true},
		"a Cyrillic short word": {"ѕаѕа", "sasa", true}, // MU A22
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := Key(c.a), Key(c.b); (a == b) != c.same {
				t.Errorf("%+q and %+q", a, b)
			}
		})
	}
}

// MU A22: each entry of the table, not one of it: a look-alike and its prototype have one skeleton, and so have their
// capitals' small letters.
func TestEveryConfusable(t *testing.T) {
	last := rune(-1)
	for _, c := range confusables {
		if c.from <= last {
			t.Fatalf("%U is not in order", c.from)
		}
		last = c.from
		if unicode.IsMark(c.from) || !unicode.IsLower(c.from) {
			continue // accents go whole; capitals are gone before
		}
		a, b := Key("x"+string(c.from)+"x"), Key("x"+c.to+"x")
		if a != b {
			t.Errorf("%U %c and %+q: %+q and %+q", c.from, c.from, c.to, a, b)
		}
	}
	if len(confusables) < 700 {
		t.Errorf("the table has %d entries", len(confusables))
	}
}

// What Key gives for any text is settled: the key of a cleaned name is the one that its owner's typing has.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"Ana.Pérez", "İstanbul", "\u0390\u03aa\u0301", "हिंदी", "スーパーmario", "a\u0332\u0331\xff", "раураӏо", "cI1vvrn0"} {
		f.Add(seed)
	}
	rules := NewRules([]string{"acme"})
	f.Fuzz(func(t *testing.T, typed string) {
		shown, err := rules.Clean(typed)
		if err != nil {
			if shown != "" || strings.Contains(err.Error(), typed) && len(typed) > 3 {
				t.Errorf("%+q: %q, %v", typed, shown, err)
			}
			return
		}
		if n := utf8.RuneCountInString(shown); n < least || n > most || !norm.NFC.IsNormalString(shown) {
			t.Errorf("%+q becomes %+q", typed, shown)
		}
		if again, err := rules.Clean(shown); again != shown || err != nil {
			t.Errorf("%+q becomes %+q, and that %+q, %v", typed, shown, again, err)
		}
		if _, err := precis.UsernameCaseMapped.String(shown); err != nil {
			t.Errorf("%+q becomes %+q: %v", typed, shown, err)
		}
		if Key(shown) != Key(typed) {
			t.Errorf("%+q and %+q, which it becomes: keys %+q and %+q", typed, shown, Key(typed), Key(shown))
		}
	})
}

// FR A23: nobody is taken for the staff, in whatever letters; the app adds its own names.
func TestReserved(t *testing.T) {
	rules := NewRules([]string{"Acme", "acme-bank", "Über"})
	for _, typed := range []string{
		"admin", "Admin", "ADMIN", "аdmin", "adm1n", "admin1", "admin_2024", "ad.min", "root", "support", "Soporte", "s0porte", "seguridad",
		"security", "operator", "centinela", "Centine1a", "system", "sistema", "null", "staff", "help", "ayuda", "no-reply", "noreply", "no.reply",
		"moderación", "administracion", "administrador", "officia1", "officia12", "servici01", "lega1_2024", "oficlal", "serviclo7", "acme", "ACME", "acmeBank", "acme_bank", "über", "uber",
	} {
		if shown, err := rules.Clean(typed); err == nil {
			t.Errorf("%s can be had, as %s", typed, shown)
		}
	}
	for _, typed := range []string{"adminda", "rooted", "user1", "owner2", "team7", "guest77", "helpful", "acmella", "Ana", "supportive", "soportales", "oficina12", "legado2"} {
		if _, err := rules.Clean(typed); err != nil {
			t.Errorf("%s: %v", typed, err)
		}
	}
	if _, err := NewRules(nil).Clean("acme"); err != nil {
		t.Errorf("acme is reserved for nobody: %v", err)
	}
}
