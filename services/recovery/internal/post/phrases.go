package post

import (
	"strings"
	"time"

	"centinela/shared/secret"
)

// Phrase is what a text says, in each language; %s is the code, if it has one.
type Phrase struct{ en, es string }

// In is the phrase in the language of a locale, around v; English when we don't
// speak it.
func (p Phrase) In(locale, v string) string {
	text := p.en
	if locale == "es" {
		text = p.es
	}
	return strings.Replace(text, "%s", v, 1)
}

// The phrases. Each names who speaks and what to do; none names the account, for
// whoever reads the phone may not be its owner.
var (
	ProveNumber = Phrase{
		en: "Centinela: %s is your code to confirm this number. Give it to nobody.",
		es: "Centinela: %s es tu código para confirmar este número. No se lo des a nadie.",
	}
	RecoverAccount = Phrase{
		en: "Centinela: %s is your code to RECOVER your account. If it wasn't you, give it to nobody and reply NO.",
		es: "Centinela: %s es tu código para RECUPERAR tu cuenta. Si no fuiste tú, no se lo des a nadie y responde NO.",
	}
	NumberAdded = Phrase{
		en: "Centinela: a phone number was added to your account. If it wasn't you, sign in and change your password.",
		es: "Centinela: se añadió un número de teléfono a tu cuenta. Si no fuiste tú, entra y cambia tu contraseña.",
	}
	RemovalAsked = Phrase{
		en: "Centinela: the removal of a phone number of your account was asked for. If it wasn't you, sign in, keep it and change your password.",
		es: "Centinela: se pidió quitar un número de teléfono de tu cuenta. Si no fuiste tú, entra, consérvalo y cambia tu contraseña.",
	}
	RecoveryStarted = Phrase{
		en: "Centinela: somebody wants to recover your account. If it wasn't you, reply NO.",
		es: "Centinela: alguien quiere recuperar tu cuenta. Si no fuiste tú, responde NO.",
	}
	RecoveryStopped = Phrase{
		en: "Centinela: the recovery of your account was stopped from one of your numbers.",
		es: "Centinela: la recuperación de tu cuenta se detuvo desde uno de tus números.",
	}
	VetoesUsed = Phrase{
		en: "Centinela: this number has stopped two recoveries in 90 days already and can't stop another. Sign in and change your password.",
		es: "Centinela: este número ya detuvo dos recuperaciones en 90 días y no puede detener otra. Entra y cambia tu contraseña.",
	}
	RecoveryCompleted = Phrase{
		en: "Centinela: your account was recovered, its password was changed and all sessions were ended.",
		es: "Centinela: tu cuenta fue recuperada, su contraseña cambió y se cerraron todas las sesiones.",
	}
)

var announced = Phrase{
	en: "Centinela: somebody is recovering your account and can set its password from %s. If it wasn't you, reply NO or open ",
	es: "Centinela: alguien recupera tu cuenta y podrá cambiar la contraseña desde %s. Si no fuiste tú, responde NO o abre ",
}

// WaitAnnounced tells of a recovery's wait: when it ends, and how to stop it.
func WaitAnnounced(locale string, until time.Time, link string) secret.String {
	return secret.NewString(announced.In(locale, until.Format("2006-01-02 15:04 UTC")) + link)
}
