package recovery

import (
	"encoding/hex"
	"time"

	"centinela/shared/record"
	"centinela/shared/secret"
)

const lastCall = 24 * time.Hour // before a wait's end

// announce tells every number with power that the wait runs, each with a veto
// token of its own. when names the occasion.
func (s *Service) announce(f *Flow, w *Wallet, when string, now time.Time) (Effects, error) {
	var effects Effects
	for _, n := range s.powerful(w, now) {
		token := secret.Token(16)
		f.VetoTokens = append(f.VetoTokens, VetoToken{Hash: vetoHash(token), Number: n.ID})
		said := announcement(f.Locale, f.EarliestAt.Format("2006-01-02 15:04 UTC"), s.PublicURL+"/veto#"+token.Reveal())
		text, err := s.newText(f.ID, f.Account, n, "announcement", when, secret.NewString(said), now)
		if err != nil {
			return Effects{}, err
		}
		effects.Texts = append(effects.Texts, text)
	}
	told := s.event(now, record.RecoveryWaitAnnounced, record.Success, f.Account, f.ID, record.Origin{})
	told.Data = map[string]string{"when": when, "earliest_at": f.EarliestAt.Format(time.RFC3339)}
	effects.Events = append(effects.Events, told)
	return effects, nil
}

func vetoHash(token secret.String) string { return hex.EncodeToString(secret.Hash(token.Reveal())) }

func (f *Flow) halfway() time.Time { return f.AnnouncedAt.Add(f.EarliestAt.Sub(f.AnnouncedAt) / 2) }

// finalCall is when everybody is told for the last time; a wait of a day or less
// has none: they were just told.
func (f *Flow) finalCall() (time.Time, bool) {
	at := f.EarliestAt.Add(-lastCall)
	return at, at.After(f.AnnouncedAt)
}

// schedule sets NextAt to when sweep has something to do.
func (f *Flow) schedule() {
	f.NextAt = time.Time{}
	if f.Account == "" {
		return
	}
	switch f.State {
	case Completing:
		f.NextAt = f.CompletingAt.Add(completingFor)
		return
	case Collecting, Ready, Waiting:
	default:
		return
	}
	if f.undecided() {
		f.NextAt = f.Evidence[len(f.Evidence)-1].At
		return
	}
	if f.State != Waiting {
		return
	}
	if at, ok := f.finalCall(); ok && !f.LastTold {
		f.NextAt = at
	}
	if half := f.halfway(); !f.HalfTold && (f.NextAt.IsZero() || half.Before(f.NextAt)) {
		f.NextAt = half
	}
}
