package name

import "strings"

// staff are names under which somebody would be taken for us, in English and Spanish, also with digits behind. The
// configuration adds the app's own (auth.names.reserved).
var staff = []string{
	"abuse", "accounts", "admin", "administrator", "administración", "administrador", "administradora", "audit", "auditoría", "auth",
	"ayuda", "billing", "centinela", "contact", "contacto", "cuentas", "dirección", "facturación", "fraud", "fraude", "gateway", "help",
	"helpdesk", "hostmaster", "legal", "login", "mailer-daemon", "moderator", "moderación", "moderador", "moderadora", "no-reply", "oficial",
	"official", "operador", "operadora", "operator", "password", "postmaster", "privacidad", "privacy", "recovery", "recuperación", "root",
	"security", "seguridad", "service", "servicio", "sistema", "soporte", "staff", "superuser", "support", "sysadmin", "system",
	"verified", "verificado", "webmaster",
}

// words are names that programs and people take for something else.
var words = []string{
	"account", "anonymous", "bot", "cuenta", "daemon", "equipo", "everyone", "guest", "info", "invitado", "mail", "nadie", "nobody", "null",
	"register", "sales", "team", "todos", "trust", "undefined",
}

func (rules Rules) isReserved(shown string) bool {
	plain := withoutSeparators(shown)
	if rules.words[look(plain)] {
		return true
	}
	// The digits behind go one by one: what ends like a letter may be its end (officia12, servici01).
	for rest := plain; ; rest = rest[:len(rest)-1] {
		if rules.staff[look(rest)] {
			return true
		}
		if strings.TrimRight(rest, "0123456789") == rest {
			return false
		}
	}
}

// look is Key with every i an l from the start, so that the l of "oficlal" makes no d of the letter before it.
func look(plain string) string { return Key(oneLine.Replace(Fold(plain))) }

func withoutSeparators(s string) string {
	return strings.NewReplacer("_", "", ".", "", "-", "").Replace(s)
}
