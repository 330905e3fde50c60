package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	if slices.Contains(d.Rows, OldestLiveSecondChange) {
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
