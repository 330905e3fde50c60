package httpapi

import (
	"cmp"
	"math"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/wallet"
)

// The only place where the domain's types meet the wire's.

// each maps a list, an empty one to [].
func each[A, B any](all []A, wire func(A) B) []B {
	out := make([]B, len(all))
	for i, a := range all {
		out[i] = wire(a)
	}
	return out
}

// named is each of two kinds of names.
func named[B, A ~string](all []A) []B { return each(all, func(a A) B { return B(a) }) }

func wirePhone(p wallet.View) recoveryapi.Phone {
	return recoveryapi.Phone{
		Id: p.ID, Masked: p.Masked, State: recoveryapi.PhoneState(p.State), Oldest: p.Oldest, Powers: named[recoveryapi.PhonePower](p.Powers),
		AddedAt: p.AddedAt, ProvedAt: moment(p.ProvedAt), SeniorityDays: p.SeniorityDays, ChangesAt: moment(p.ChangesAt),
	}
}

// wireFlow says reasons in the language, else in the account's.
func wireFlow(v claim.View, language string) recoveryapi.Recovery {
	return recoveryapi.Recovery{
		Id: v.ID, State: recoveryapi.RecoveryState(v.State), Next: named[recoveryapi.RecoveryNext](v.Next),
		Evidence: each(v.Evidence, wireAccepted), EarliestAt: moment(v.EarliestAt), ExpiresAt: v.ExpiresAt,
		Reason:      recoveryapi.RecoveryReason{Code: v.Reason.Code, Text: v.Reason.In(cmp.Or(language, v.Locale))},
		ShorterWith: each(v.ShorterWith, wireCounterfactual), DeadEnd: v.DeadEnd,
		ResendAfter: seconds(v.ResendAfter), TriesLeft: recoveryapi.TriesLeft{Sms: v.CodeTries, SavedCode: v.SavedTries},
	}
}

func wireAccepted(a claim.Accepted) recoveryapi.AcceptedEvidence {
	w := recoveryapi.AcceptedEvidence{Method: a.Method, At: a.At}
	if a.Number != "" {
		w.Number = &a.Number
	}
	return w
}

func wireCounterfactual(c engine.Counterfactual) recoveryapi.Counterfactual {
	w := recoveryapi.Counterfactual{Evidence: c.Evidence}
	if saves := seconds(c.Saves); c.Opens {
		w.Opens = &c.Opens
	} else {
		w.SavesSeconds = &saves
	}
	return w
}

func wireOwnFlow(f review.Own) recoveryapi.OwnRecovery {
	w := recoveryapi.OwnRecovery{
		Id: f.ID, State: recoveryapi.RecoveryState(f.State), StartedAt: f.StartedAt, EarliestAt: moment(f.EarliestAt),
		Address: f.Address, Rules: named[string](f.Reasons), Evidence: named[string](f.Evidence),
	}
	if f.Verdict != "" {
		verdict := recoveryapi.OwnRecoveryVerdict(f.Verdict)
		w.Verdict, w.Policy = &verdict, &f.Policy
	}
	return w
}

func wireText(k post.KeptText) recoveryapi.SimulatedText {
	return recoveryapi.SimulatedText{Id: k.ID, To: k.To, Body: k.Body, At: k.At}
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
