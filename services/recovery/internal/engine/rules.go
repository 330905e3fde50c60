package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule names a rule of the design (recovery, "The engine"); decisions, refusals
// and events cite it. Nothing else in the service spells one out (arch_test.go).
type Rule string

// The rules. Which of them a decision can apply yet is said where they fire.
const (
	V1  Rule = "V1"
	V2  Rule = "V2"
	V3  Rule = "V3"
	V4  Rule = "V4"
	V5  Rule = "V5"
	V6  Rule = "V6"
	V7  Rule = "V7"
	V8  Rule = "V8"
	V9  Rule = "V9"
	V10 Rule = "V10"
	V11 Rule = "V11"
	V12 Rule = "V12"
	V13 Rule = "V13"
	V14 Rule = "V14"
	V15 Rule = "V15"
	V16 Rule = "V16"
	V17 Rule = "V17"
	V18 Rule = "V18"
	V19 Rule = "V19"
	V20 Rule = "V20"
	V21 Rule = "V21"
	V22 Rule = "V22"
	V23 Rule = "V23"
	V24 Rule = "V24"
)

// sentence is what is said to a person, in each language that we speak.
type sentence struct{ en, es string }

// in is the sentence in the language of a locale; English when we don't speak it.
func (s sentence) in(locale string) string {
	if locale == "es" {
		return s.es
	}
	return s.en
}

// ruleTexts says each rule once, to whom it concerns.
var ruleTexts = map[Rule]sentence{
	V1:  {"what was added lately takes no power from what is older before its time has passed", "lo añadido hace poco no quita poder a lo anterior antes de su plazo"},
	V2:  {"taking an account over needs two independent proofs, or one and a wait in which its owner can object", "para recuperar una cuenta hacen falta dos pruebas independientes, o una y una espera en la que su dueño pueda oponerse"},
	V3:  {"proofs that come by the same way count once", "las pruebas que llegan por la misma vía cuentan una vez"},
	V4:  {"a number on trial has no power over others yet", "un número a prueba aún no tiene poder sobre los demás"},
	V5:  {"a number that is being removed keeps its powers until its time has passed", "un número que se está quitando conserva sus poderes hasta que pase su plazo"},
	V6:  {"older numbers of the account are given time to object", "los números más antiguos de la cuenta tienen tiempo para oponerse"},
	V7:  {"what was made while somebody else may have been in the account counts when its owner keeps it", "lo hecho mientras alguien más pudo estar en la cuenta cuenta cuando su dueño lo conserva"},
	V8:  {"somebody of the account objected: for 30 days one proof is not enough, and two may have to wait longer", "alguien de la cuenta se opuso: durante 30 días una prueba no basta, y dos pueden tener que esperar más"},
	V9:  {"this number was not confirmed for a long time, so it may have another holder by now", "este número no se confirma desde hace mucho, y puede tener ya otro titular"},
	V10: {"a number whose SIM was changed lately has no power", "un número cuya SIM cambió hace poco no tiene poder"},
	V11: {"a number whose holder says that the account is not theirs has no power", "un número cuyo titular dice que la cuenta no es suya no tiene poder"},
	V12: {"what was linked before the account's first number was proved does not count", "lo vinculado antes de confirmar el primer número de la cuenta no cuenta"},
	V13: {"a number is handed over with both numbers at hand, or after a long notice", "un número se traspasa con ambos números a mano, o tras un aviso largo"},
	V14: {"this device or place is new to the account, which lengthens the wait and decides nothing else", "este dispositivo o lugar es nuevo para la cuenta, lo que alarga la espera y no decide nada más"},
	V15: {"nothing tells whether an account exists until one of its numbers is at hand", "nada dice si una cuenta existe hasta tener a mano uno de sus números"},
	V16: {"texts go only to numbers of the account, within limits", "los mensajes van solo a números de la cuenta, dentro de unos límites"},
	V17: {"every way in has limits, counted before what they limit", "toda entrada tiene límites, que se cuentan antes de lo que limitan"},
	V18: {"the same facts give the same decision", "los mismos hechos dan la misma decisión"},
	V19: {"every decision says its reasons", "toda decisión dice sus razones"},
	V20: {"what could not be found out counts as the worst", "lo que no se pudo averiguar cuenta como lo peor"},
	V21: {"after a wait the proof is asked for again", "tras una espera la prueba se pide de nuevo"},
	V22: {"of several recoveries at once one sets the password", "de varias recuperaciones a la vez, una fija la contraseña"},
	V23: {"what strangers do wrong costs the owner nothing", "lo que hacen mal los extraños no le cuesta nada al dueño"},
	V24: {"what is refused changes nothing", "lo que se rechaza no cambia nada"},
}

// Sentence says the rule in the language of a locale.
func (r Rule) Sentence(locale string) string { return ruleTexts[r].in(locale) }

// cites reports whether d was made by the rule.
func (d Decision) cites(rule Rule) bool { return slices.Contains(d.Rules, rule) }

// Reasons are the ids that d cites: its rules, then the rows of the table.
func (d Decision) Reasons() []string {
	ids := make([]string, 0, len(d.Rules)+len(d.Rows))
	for _, rule := range d.Rules {
		ids = append(ids, string(rule))
	}
	for _, row := range d.Rows {
		ids = append(ids, string(row))
	}
	return ids
}

var (
	needMore   = sentence{"more evidence is needed", "hacen falta más pruebas"}
	notAlone   = sentence{"this number alone is not enough", "este número solo no basta"}
	changed    = sentence{"the account's security settings were changed recently", "los ajustes de seguridad de la cuenta cambiaron hace poco"}
	aSavedCode = sentence{"a saved code", "un código guardado"}
	anOldest   = sentence{"a code sent to the oldest number", "un código enviado al número más antiguo"}
	opens      = sentence{" would make it possible", " lo haría posible"}
	takesAway  = sentence{" would take away ", " quitaría "}
)

// Explain says in one sentence why d is as it is, to a claimant who proved
// possession (V19); empty when there is nothing to explain.
func Explain(d Decision, locale string) string {
	switch d.Verdict {
	case NeedEvidence:
		if d.cites(V8) {
			return V8.Sentence(locale)
		}
		return needMore.in(locale)
	case Refuse:
		return notAlone.in(locale)
	case Allow, Wait:
	}
	for _, rule := range []Rule{V9, V6, V14} {
		if d.cites(rule) {
			return rule.Sentence(locale)
		}
	}
	if slices.Contains(d.Because, dimensions[calm].name) {
		return changed.in(locale)
	}
	if d.cites(V2) {
		return V2.Sentence(locale)
	}
	return ""
}

// Shorter says what would shorten the wait, or open a way.
func Shorter(d Decision, locale string) []string {
	var said []string
	for _, c := range d.Counterfactuals {
		name := aSavedCode
		if c.Evidence == WithOldest {
			name = anOldest
		}
		if c.Opens {
			said = append(said, name.in(locale)+opens.in(locale))
			continue
		}
		said = append(said, name.in(locale)+takesAway.in(locale)+hours(c.Saves))
	}
	return said
}

func hours(d time.Duration) string {
	if d < time.Hour {
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return strconv.Itoa(int(d.Round(time.Hour)/time.Hour)) + " h"
}
