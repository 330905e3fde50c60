package recovery

// phrase is what a text says, in each language. The argument is the code, the
// time or the link that it is about.
type phrase struct{ en, es func(string) string }

// in is the phrase in the account's language; English when we don't speak it.
func (p phrase) in(locale string) func(string) string {
	if locale == "es" {
		return p.es
	}
	return p.en
}

func fixed(text string) func(string) string { return func(string) string { return text } }

func around(before, after string) func(string) string {
	return func(v string) string { return before + v + after }
}

// The phrases. Each names who speaks and what to do; none names the account, for
// whoever reads the phone may not be its owner.
var (
	bodyProve = phrase{
		en: around("Centinela: ", " is your code to confirm this number. Give it to nobody."),
		es: around("Centinela: ", " es tu código para confirmar este número. No se lo des a nadie."),
	}
	bodyRecover = phrase{
		en: around("Centinela: ", " is your code to RECOVER your account. If it wasn't you, give it to nobody and reply NO."),
		es: around("Centinela: ", " es tu código para RECUPERAR tu cuenta. Si no fuiste tú, no se lo des a nadie y responde NO."),
	}
	noticeAdded = phrase{
		en: fixed("Centinela: a phone number was added to your account. If it wasn't you, sign in and change your password."),
		es: fixed("Centinela: se añadió un número de teléfono a tu cuenta. Si no fuiste tú, entra y cambia tu contraseña."),
	}
	noticeRemoval = phrase{
		en: fixed("Centinela: the removal of a phone number of your account was asked for. If it wasn't you, sign in, keep it and change your password."),
		es: fixed("Centinela: se pidió quitar un número de teléfono de tu cuenta. Si no fuiste tú, entra, consérvalo y cambia tu contraseña."),
	}
	noticeStarted = phrase{
		en: fixed("Centinela: somebody wants to recover your account. If it wasn't you, reply NO."),
		es: fixed("Centinela: alguien quiere recuperar tu cuenta. Si no fuiste tú, responde NO."),
	}
	noticeVetoed = phrase{
		en: fixed("Centinela: the recovery of your account was stopped from one of your numbers."),
		es: fixed("Centinela: la recuperación de tu cuenta se detuvo desde uno de tus números."),
	}
	noticeVetoesUsed = phrase{
		en: fixed("Centinela: this number has stopped two recoveries in 90 days already and can't stop another. Sign in and change your password."),
		es: fixed("Centinela: este número ya detuvo dos recuperaciones en 90 días y no puede detener otra. Entra y cambia tu contraseña."),
	}
	noticeCompleted = phrase{
		en: fixed("Centinela: your account was recovered, its password was changed and all sessions were ended."),
		es: fixed("Centinela: tu cuenta fue recuperada, su contraseña cambió y se cerraron todas las sesiones."),
	}
)

// announcement tells of a wait: when it ends, and how to stop it.
func announcement(locale, until, link string) string {
	if locale == "es" {
		return "Centinela: alguien recupera tu cuenta y podrá cambiar la contraseña desde " + until + ". Si no fuiste tú, responde NO o abre " + link
	}
	return "Centinela: somebody is recovering your account and can set its password from " + until + ". If it wasn't you, reply NO or open " + link
}
