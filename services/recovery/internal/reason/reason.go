package reason

import (
	"slices"

	"centinela/services/recovery/internal/engine"
)

// Reason is why a recovery stands as it does, for its claimant (V19).
type Reason struct {
	// Code is stable: the rule or the row of the table that decides, else the state.
	Code             string
	English, Spanish string
}

// In is the reason in the language of a locale; English when we don't speak it.
func (r Reason) In(locale string) string {
	if locale == "es" {
		return r.Spanish
	}
	return r.English
}

// BeforeEvidence is the one of every recovery of which nothing may be told (V15).
var BeforeEvidence = Reason{string(engine.V15), engine.V15.Sentence("en"), engine.V15.Sentence("es")}

// The states that no decision explains, as claim names them.
var states = map[string]Reason{
	"collecting": {"", "what was brought is being weighed", "se está evaluando lo que se aportó"},
	"waiting":    {"", "the wait that was announced is running", "corre la espera que se anunció"},
	"ready":      {"", "the new password can be set now", "ya se puede poner la contraseña nueva"},
	"completed":  {"", "the new password is set and every session is over", "la contraseña nueva está puesta y se cerraron todas las sesiones"},
	"vetoed":     {"", "it was stopped from one of the account's numbers", "se detuvo desde uno de los números de la cuenta"},
	"refused":    {"", "another recovery of the account was completed, or the account is gone", "se completó otra recuperación de la cuenta, o la cuenta ya no existe"},
	"expired":    {"", "its time is over", "su plazo terminó"},
}

// OfState is the one of a state; its code is the state's name.
func OfState(state string) Reason {
	r := states[state]
	r.Code = state
	return r
}

// Of says of a decision what the engine explains it with; its code is the rule whose
// sentence that is, else the first row, else the last rule.
func Of(d engine.Decision) Reason {
	r := Reason{English: engine.Explain(d, "en"), Spanish: engine.Explain(d, "es")}
	i := slices.IndexFunc(d.Rules, func(rule engine.Rule) bool { return rule.Sentence("en") == r.English })
	switch {
	case i >= 0:
		r.Code = string(d.Rules[i])
	case len(d.Rows) > 0:
		r.Code = string(d.Rows[0])
	case len(d.Rules) > 0:
		r.Code = string(d.Rules[len(d.Rules)-1])
	}
	return r
}
