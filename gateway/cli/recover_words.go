package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"centinela/openapi/gen/gatewayclient"
	"centinela/openapi/sdk"
)

// words are what is said of a recovery in one language. The reason itself comes
// from the suite, which is asked for it in that language.
type words struct {
	state, accepted, reason, earliest, shorter, next, resend, tries, deadEnd, expires string

	saves, opens, seconds, triesLeft string // formats

	states   map[gatewayclient.RecoveryState]string
	names    map[string]string // of evidences and of next steps
	refusals map[string]string // by the problem's code
}

var wordsOf = map[string]words{
	"en": {
		state: "State", accepted: "Accepted", reason: "Why", earliest: "Not before", shorter: "Would help", next: "Next", resend: "Another code", tries: "Tries left",
		deadEnd: "Nothing that you can bring would open this account as it is now.", expires: "Ends",
		saves: "%s (takes %s away)", opens: "%s (opens a way)", seconds: "in %d s", triesLeft: "%d of the code sent last, %d of saved codes",
		states: map[gatewayclient.RecoveryState]string{
			sdk.Collecting: "evidence is needed", sdk.Waiting: "waiting", sdk.Ready: "ready", sdk.Completed: "completed",
			sdk.Vetoed: "stopped", sdk.RefusedOut: "refused", sdk.Expired: "expired",
		},
		names: map[string]string{
			"sms": "the code of a text", "saved_code": "a saved code", "sms_oldest": "a code sent to the oldest number", "send_code": "have a code sent",
			"wait": "wait", "complete": "set the new password", "start_again": "start again",
		},
		refusals: map[string]string{
			"code_invalid": "that is not a code that counts here", "code_exhausted": "there are no tries left: have another code sent", "too_many_requests": "too soon: wait a little",
			sdk.CodeNotAllowedYet: "the password can't be set yet", sdk.CodeRecoveryEnded: "this recovery is over: start again", "recovery_invalid": "there is no such recovery, or its secret is another",
			"password_too_weak": "that password is guessed too easily",
		},
	},
	"es": {
		state: "Estado", accepted: "Aceptado", reason: "Por qué", earliest: "No antes de", shorter: "Ayudaría", next: "Sigue", resend: "Otro código", tries: "Intentos",
		deadEnd: "Nada que puedas aportar abriría esta cuenta tal como está.", expires: "Termina",
		saves: "%s (quita %s)", opens: "%s (abre un camino)", seconds: "en %d s", triesLeft: "%d del último código enviado, %d de códigos guardados",
		states: map[gatewayclient.RecoveryState]string{
			sdk.Collecting: "faltan pruebas", sdk.Waiting: "en espera", sdk.Ready: "lista", sdk.Completed: "completada",
			sdk.Vetoed: "detenida", sdk.RefusedOut: "rechazada", sdk.Expired: "vencida",
		},
		names: map[string]string{
			"sms": "el código de un mensaje", "saved_code": "un código guardado", "sms_oldest": "un código enviado al número más antiguo", "send_code": "pedir un código",
			"wait": "esperar", "complete": "poner la contraseña nueva", "start_again": "empezar de nuevo",
		},
		refusals: map[string]string{
			"code_invalid": "ese código no cuenta aquí", "code_exhausted": "no quedan intentos: pide otro código", "too_many_requests": "demasiado pronto: espera un poco",
			sdk.CodeNotAllowedYet: "la contraseña todavía no se puede poner", sdk.CodeRecoveryEnded: "esta recuperación terminó: empieza de nuevo", "recovery_invalid": "no hay tal recuperación, o su secreto es otro",
			"password_too_weak": "esa contraseña se adivina con facilidad",
		},
	},
}

// print says where a recovery stands, a line a fact.
func (w words) print(out io.Writer, r sdk.RecoveryStatus) error {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, text)
		}
	}
	line(w.state, w.states[r.State])
	var accepted, helpful, next []string
	for _, e := range r.Evidence {
		text := w.name(e.Method)
		if e.Number != nil {
			text += " " + *e.Number
		}
		accepted = append(accepted, text)
	}
	line(w.accepted, strings.Join(accepted, "; "))
	line(w.reason, r.Reason.Text+" ["+r.Reason.Code+"]")
	if r.EarliestAt != nil {
		line(w.earliest, moment(*r.EarliestAt))
	}
	for _, c := range r.ShorterWith {
		if c.SavesSeconds != nil {
			helpful = append(helpful, fmt.Sprintf(w.saves, w.name(c.Evidence), hours(*c.SavesSeconds)))
		} else {
			helpful = append(helpful, fmt.Sprintf(w.opens, w.name(c.Evidence)))
		}
	}
	line(w.shorter, strings.Join(helpful, "; "))
	for _, step := range r.Next {
		next = append(next, w.name(string(step)))
	}
	line(w.next, strings.Join(next, "; "))
	if r.ResendAfter > 0 {
		line(w.resend, fmt.Sprintf(w.seconds, r.ResendAfter))
	}
	if r.State == sdk.Collecting || r.State == sdk.Waiting {
		line(w.tries, fmt.Sprintf(w.triesLeft, r.TriesLeft.Sms, r.TriesLeft.SavedCode))
		line(w.expires, moment(r.ExpiresAt))
	}
	if r.DeadEnd {
		b.WriteString(w.deadEnd + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// name says an evidence or a step; one that is newer than this program as it is called.
func (w words) name(of string) string {
	if said, ok := w.names[of]; ok {
		return said
	}
	return of
}

// moment is a time where the person is.
func moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }

// hours is "48h", "90m", "40s".
func hours(seconds int) string {
	switch {
	case seconds%3600 == 0:
		return fmt.Sprintf("%dh", seconds/3600)
	case seconds%60 == 0:
		return fmt.Sprintf("%dm", seconds/60)
	}
	return fmt.Sprintf("%ds", seconds)
}
