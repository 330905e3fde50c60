package post

import (
	"strings"
	"testing"
	"time"

	"centinela/shared/sms"
)

// TestPhrases: every phrase has both languages, its code in both or in none, and
// fits a text; a language that we don't speak gets English.
func TestPhrases(t *testing.T) {
	for name, p := range map[string]Phrase{
		"ProveNumber": ProveNumber, "RecoverAccount": RecoverAccount, "NumberAdded": NumberAdded, "RemovalAsked": RemovalAsked, "RecoveryStarted": RecoveryStarted,
		"RecoveryStopped": RecoveryStopped, "VetoesUsed": VetoesUsed, "RecoveryCompleted": RecoveryCompleted, "announced": announced,
	} {
		en, es := p.In("en", "12345678"), p.In("es", "12345678")
		withCode := strings.Contains(p.en, "%s")
		for _, text := range []string{en, es} {
			if !strings.HasPrefix(text, "Centinela: ") || strings.Contains(text, "%") || strings.Contains(text, "12345678") != withCode || len(text) > sms.MaxBody {
				t.Errorf("%s: %q", name, text)
			}
		}
		if en == es || p.In("fr", "12345678") != en || p.In("", "12345678") != en {
			t.Errorf("%s: %q and %q", name, en, es)
		}
	}
	said := WaitAnnounced("es", time.Date(2030, 1, 2, 3, 4, 0, 0, time.UTC), "https://x/veto#t").Reveal()
	if !strings.Contains(said, "2030-01-02 03:04 UTC") || !strings.HasSuffix(said, " https://x/veto#t") || !strings.Contains(said, "responde NO") {
		t.Error(said)
	}
}
