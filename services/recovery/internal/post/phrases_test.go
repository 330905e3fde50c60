package post

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/shared/secret"
	"centinela/shared/sms"
)

// said is every phrase, with what stands in it.
var said = map[string]struct {
	Phrase
	values []string
}{
	"ProveNumber": {ProveNumber, []string{"12345678"}}, "NumberAdded": {NumberAdded, nil}, "RemovalAsked": {RemovalAsked, nil}, "RecoveryCompleted": {RecoveryCompleted, nil},
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
		check(name, p.Phrase, p.values...)
	}
}

// gsm7 is the default alphabet of 3GPP TS 23.038 §6.2.1, without its escapes.
const gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// NC A10: every phrase is in GSM-7, in both languages: a code is one segment, with a
// long host, and a notice at most two (design: recovery, "Texts").
func TestTextsAreShort(t *testing.T) {
	const host = "accounts.centinela-recovery.example"
	key, err := secret.LoadKey(filepath.Join(t.TempDir(), "key"), true)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range said {
		for _, locale := range []string{"en", "es"} {
			text, most := p.In(locale, p.values...), 2*153
			if len(p.values) > 0 && p.values[0] == "12345678" {
				text, most = NewWriter(key, host).CodeBody(p.Phrase, locale, secret.NewString(p.values[0]), p.values[1:]...).Reveal(), 160
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
