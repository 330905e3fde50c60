package post

import (
	"time"

	"centinela/shared/secret"
)

// The phrases that ask for an objection, and those that answer one. "NO %s" is the word
// that objects to one recovery (V8).
var (
	// RecoverAccount has the code, then the word.
	RecoverAccount = Phrase{
		en: "Centinela: %s is your code to RECOVER your account. Give it to nobody. If it wasn't you, reply NO %s.",
		es: "Centinela: %s es tu clave para RECUPERAR tu cuenta. No la des a nadie. Si no la pediste, responde NO %s.",
	}
	// RecoveryStarted has the word.
	RecoveryStarted = Phrase{
		en: "Centinela: somebody wants to recover your account. If it wasn't you, reply NO %s.",
		es: "Centinela: alguien quiere recuperar tu cuenta. Si no eres quien lo pide, responde NO %s.",
	}
	// announced has the end of the wait, the word and the link.
	announced = Phrase{
		en: "Centinela: somebody is recovering your account and can set its password from %s. If it wasn't you, reply NO %s or open %s",
		es: "Centinela: alguien recupera tu cuenta y puede cambiar la clave desde %s. Si no eres quien lo pide, responde NO %s o abre %s",
	}
	// RecoveryStopped is told to the account's other numbers.
	RecoveryStopped = Phrase{
		en: "Centinela: a recovery of your account was stopped by one of your numbers or from your account. If it was yours, start again with two proofs.",
		es: "Centinela: se detuvo un intento de recuperar tu cuenta, desde otro de tus teléfonos o desde la cuenta. Si era tuyo, empieza de nuevo con dos pruebas.",
	}
	// ObjectionStopped and the next three answer whoever objected.
	ObjectionStopped = Phrase{
		en: "Centinela: stopped. That recovery of your account is over. For 30 days another one needs two proofs.",
		es: "Centinela: hecho, ese intento de recuperar tu cuenta queda parado. Durante 30 d, otro necesita dos pruebas.",
	}
	// ObjectionLengthens has the new end of the wait.
	ObjectionLengthens = Phrase{
		en: "Centinela: your NO delays that recovery of your account to %s. It brings two proofs: if it isn't yours, sign in, stop it and change your password.",
		es: "Centinela: tu NO aplaza ese intento de recuperar tu cuenta hasta %s. Trae dos pruebas: si no es tuyo, entra, deténlo y cambia tu clave.",
	}
	ObjectionNoted = Phrase{
		en: "Centinela: your NO is noted, but can't stop or delay that recovery: it brings two proofs. If it isn't yours, sign in, stop it and change your password.",
		es: "Centinela: tu NO queda anotado, pero no puede parar ni aplazar ese intento: trae dos pruebas. Si no es tuyo, entra, deténlo y cambia tu clave.",
	}
	ObjectionKept = Phrase{
		en: "Centinela: your NO is noted. That recovery of your account can't go on with one proof alone.",
		es: "Centinela: tu NO queda anotado. Ese intento de recuperar tu cuenta no puede seguir con una sola prueba.",
	}
	// ObjectionToWhat asks for the word: it has when a recovery was started, and its word.
	ObjectionToWhat = Phrase{
		en: "Centinela: to stop the recovery of your account that was started %s, reply NO %s. For another one, reply NO and the digits in its text.",
		es: "Centinela: para parar el intento de recuperar tu cuenta del %s, responde NO %s. Para otro, responde NO y las cifras de su mensaje.",
	}
)

// WaitAnnounced tells of a recovery's wait: when it ends, and how to object.
func WaitAnnounced(locale string, until time.Time, word, link string) secret.String {
	return secret.NewString(announced.In(locale, Moment(until), word, link))
}
