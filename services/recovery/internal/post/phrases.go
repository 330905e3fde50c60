package post

import (
	"strings"
	"time"
)

// Phrase is what a text says, in each language; each %s is something to be put in.
type Phrase struct{ en, es string }

// In is the phrase in the language of a locale, around values in their order;
// English when we don't speak it.
func (p Phrase) In(locale string, values ...string) string {
	text := p.en
	if locale == "es" {
		text = p.es
	}
	for _, v := range values {
		text = strings.Replace(text, "%s", v, 1)
	}
	return text
}

// Moment is how a text says when something is.
func Moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// The phrases. Each names who speaks and what to do; none names the account, for
// whoever reads the phone may not be its owner. All are in GSM-7 (3GPP TS 23.038), which
// has neither á, í, ó nor ú: with one of these a text has 70 characters and not 160.
var (
	ProveNumber = Phrase{
		en: "Centinela: %s is your code to confirm this number. Give it to nobody.",
		es: "Centinela: %s es tu clave para confirmar este teléfono. No la des a nadie.",
	}
	NumberAdded = Phrase{
		en: "Centinela: a phone number was added to your account. If it wasn't you, sign in and change your password.",
		es: "Centinela: tu cuenta tiene un teléfono nuevo. Si no lo pusiste, entra y cambia tu clave.",
	}
	RemovalAsked = Phrase{
		en: "Centinela: the removal of a phone number of your account was asked for. If it wasn't you, sign in, keep it and change your password.",
		es: "Centinela: alguien pide quitar un teléfono de tu cuenta. Si no eres quien lo pide, entra, conserva el teléfono y cambia tu clave.",
	}
	RecoveryCompleted = Phrase{
		en: "Centinela: your account was recovered, its password was changed and all sessions were ended.",
		es: "Centinela: tu cuenta fue recuperada: su clave es nueva y todas las sesiones quedan cerradas.",
	}
)
