package httpapi

import (
	"math"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
)

// The only place where the domain's types meet the wire's.

func wirePhone(p wallet.View) recoveryapi.Phone {
	w := recoveryapi.Phone{
		Id: p.ID, Masked: p.Masked, State: recoveryapi.PhoneState(p.State), Oldest: p.Oldest, Powers: []recoveryapi.PhonePower{},
		AddedAt: p.AddedAt, ProvedAt: moment(p.ProvedAt), SeniorityDays: p.SeniorityDays, ChangesAt: moment(p.ChangesAt),
	}
	for _, power := range p.Powers {
		w.Powers = append(w.Powers, recoveryapi.PhonePower(power))
	}
	return w
}

func wirePhones(phones []wallet.View) []recoveryapi.Phone {
	all := make([]recoveryapi.Phone, 0, len(phones))
	for _, p := range phones {
		all = append(all, wirePhone(p))
	}
	return all
}

func wireFlow(v claim.View) recoveryapi.Recovery {
	w := recoveryapi.Recovery{
		Id: v.ID, State: recoveryapi.RecoveryState(v.State), Next: []recoveryapi.RecoveryNext{},
		EarliestAt: moment(v.EarliestAt), ExpiresAt: v.ExpiresAt,
	}
	for _, next := range v.Next {
		w.Next = append(w.Next, recoveryapi.RecoveryNext(next))
	}
	if v.Reason != "" {
		w.Reason = &v.Reason
	}
	if len(v.ShorterWith) > 0 {
		w.ShorterWith = &v.ShorterWith
	}
	return w
}

func wireOwnFlows(flows []claim.Own) []recoveryapi.OwnRecovery {
	all := make([]recoveryapi.OwnRecovery, 0, len(flows))
	for _, f := range flows {
		w := recoveryapi.OwnRecovery{
			Id: f.ID, State: recoveryapi.RecoveryState(f.State), StartedAt: f.StartedAt, EarliestAt: moment(f.EarliestAt),
			Address: f.Address, Rules: append([]string{}, f.Reasons...), Evidence: append([]string{}, f.Evidence...),
		}
		if f.Verdict != "" {
			verdict := recoveryapi.OwnRecoveryVerdict(f.Verdict)
			w.Verdict, w.Policy = &verdict, &f.Policy
		}
		all = append(all, w)
	}
	return all
}

func wireTexts(kept []post.KeptText) []recoveryapi.SimulatedText {
	all := make([]recoveryapi.SimulatedText, 0, len(kept))
	for _, k := range kept {
		all = append(all, recoveryapi.SimulatedText{Id: k.ID, To: k.To, Body: k.Body, At: k.At})
	}
	return all
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
