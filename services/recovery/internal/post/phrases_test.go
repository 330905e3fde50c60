package post

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/shared/secret"
	"centinela/shared/sms"
)

var said = map[string]Phrase{
	"ProveNumber": ProveNumber, "NumberAdded": NumberAdded, "RemovalAsked": RemovalAsked, "RecoveryCompleted": RecoveryCompleted,
}

// asking are the phrases that ask for an objection or answer one, with what stands in them.
var asking = map[string]struct {
	Phrase
	values []string
}{
	"RecoverAccount": {RecoverAccount, []string{"12345678", "4821"}}, "RecoveryStarted": {RecoveryStarted, []string{"4821"}},
	"announced": {announced, []string{"2030-01-02 03:04 UTC", "4821", "https://recovery.centinela.example/veto#AAAAAAAAAAAAAAAAAAAAAA"}}, "RecoveryStopped": {RecoveryStopped, nil},
	"ObjectionStopped": {ObjectionStopped, nil}, "ObjectionLengthens": {ObjectionLengthens, []string{"2030-01-02 03:04 UTC"}}, "ObjectionNoted": {ObjectionNoted, nil},
	"ObjectionKept": {ObjectionKept, nil}, "ObjectionToWhat": {ObjectionToWhat, []string{"2030-01-02 03:04 UTC", "4821"}},
}

// TestPhrases: every phrase has both languages, its values in both, and fits a
// text; a language that we don't speak gets English.
func TestPhrases(t *testing.T) {
	check := func(name string, p Phrase, values ...string) {
		en, es := p.In("en", values...), p.In("es", values...)
		for _, text := range []string{en, es} {
			if !strings.HasPrefix(text, "Centinela: ") || strings.Contains(text, "%") || len(text) > sms.MaxBody {
				t.Errorf("%s: %q", name, text)
			}
			for _, v := range values {
				if strings.Count(text, v) != 1 {
					t.Errorf("%s lacks %s: %q", name, v, text)
				}
			}
		}
		if en == es || p.In("fr", values...) != en || p.In("", values...) != en {
			t.Errorf("%s: %q and %q", name, en, es)
		}
	}
	for name, p := range said {
		var values []string
		if strings.Contains(p.en, "%s") {
			values = []string{"12345678"}
		}
		check(name, p, values...)
	}
	for name, p := range asking {
		check(name, p.Phrase, p.values...)
	}
}

// gsm7 is the default alphabet of 3GPP TS 23.038 §6.2.1, without its escapes.
const gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// What speaks of NO stays in GSM-7: a code is one segment, with a long host, and a
// notice at most two (design: recovery, "Texts").
func TestObjectionTextsAreShort(t *testing.T) {
	const host = "accounts.centinela-recovery.example"
	key, err := secret.LoadKey(filepath.Join(t.TempDir(), "key"), true)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range asking {
		for _, locale := range []string{"en", "es"} {
			text, most := p.In(locale, p.values...), 2*153
			if name == "RecoverAccount" {
				text, most = NewWriter(key, host).CodeBody(RecoverAccount, locale, secret.NewString("12345678"), "4821").Reveal(), 160
			}
			if strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune(gsm7, r) }) {
				t.Errorf("%s, %s: not GSM-7: %q", name, locale, text)
			}
			if n := len([]rune(text)); n > most {
				t.Errorf("%s, %s: %d characters of %d: %q", name, locale, n, most, text)
			}
		}
	}
	link := WaitAnnounced("es", time.Date(2030, 1, 2, 3, 4, 0, 0, time.UTC), "4821", "https://x/veto#t").Reveal()
	if !strings.Contains(link, "2030-01-02 03:04 UTC") || !strings.HasSuffix(link, " https://x/veto#t") || !strings.Contains(link, "responde NO 4821") {
		t.Error(link)
	}
}
