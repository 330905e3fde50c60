package claim

import (
	"encoding/hex"
	"time"

	"centinela/services/recovery/internal/due"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const lastCall = 24 * time.Hour // before a wait's end

// announceFor is how long an announcement is tried: as long as the provider is
// away, and not for ever, since a number that can't be told must not keep its
// owner out.
const announceFor = 7 * aDay

// announce tells every number with power that the wait runs, each with a veto
// token of its own. when names the occasion.
func (s *Service) announce(f *Flow, w *wallet.Wallet, when string, now time.Time) (post.Effects, error) {
	var effects post.Effects
	purpose := post.Reminder
	if when == "start" {
		purpose = post.Announcement
	}
	f.AnnouncedEnd, f.AnnouncedWith = f.EarliestAt, len(f.Evidence)
	earliest := f.EarliestAt.Format(time.RFC3339)
	for _, n := range s.o.Wallets.Powerful(w, now) {
		token := secret.Token(16)
		f.VetoTokens = append(f.VetoTokens, VetoToken{Hash: VetoHash(token), Number: n.ID})
		text, err := s.o.Wallets.Text(n, post.Draft{
			Owner: f.ID, Account: f.Account, Purpose: purpose, Name: when + ":" + earliest,
			Body: post.WaitAnnounced(f.Locale, f.EarliestAt, s.o.Wallets.Word(f.ID, n.ID), s.o.PublicURL+"/veto#"+token.Reveal()), ExpiresAt: now.Add(announceFor),
		}, now)
		if err != nil {
			return post.Effects{}, err
		}
		effects.Texts = append(effects.Texts, text)
	}
	data := record.Data{"when": when, "earliest_at": earliest}
	effects.Events = []record.Event{f.event(now, record.RecoveryWaitAnnounced, record.Success, record.Origin{}, data)}
	return effects, nil
}

// VetoHash is what is kept of a token.
func VetoHash(token secret.String) string { return hex.EncodeToString(secret.Hash(token.Reveal())) }

func (f *Flow) halfway() time.Time { return f.AnnouncedAt.Add(f.EarliestAt.Sub(f.AnnouncedAt) / 2) }

// finalCall is when everybody is told for the last time; a wait of a day or less
// has none: they were just told.
func (f *Flow) finalCall() (time.Time, bool) {
	at := f.EarliestAt.Add(-lastCall)
	return at, at.After(f.AnnouncedAt)
}

// promptly is how soon a text that nothing kept back is with its provider.
const promptly = time.Minute

// runsFrom is when everybody was told of the wait, as far as it is known at now:
// whatever was away, the provider or we, lengthens the wait, so that nobody gets in
// unannounced (V20). What was taken at the first try, promptly, counts as told when
// it was written; what was taken later, when it was taken; what wasn't, as told now.
func (f *Flow) runsFrom(texts []post.Text, now time.Time) time.Time {
	told := f.AnnouncedAt
	for _, t := range texts {
		if t.Purpose != post.Announcement {
			continue
		}
		at, keptBack := t.FinishedAt, t.Attempts > 1
		if at.IsZero() {
			at, keptBack = now, t.Attempts > 0
		}
		if keptBack || at.Sub(t.CreatedAt) > promptly {
			told = due.Later(told, at)
		}
	}
	return told
}

// delay moves a wait to where it runs from in truth.
func (f *Flow) delay(told time.Time) {
	if !told.After(f.AnnouncedAt) {
		return
	}
	f.EarliestAt = f.EarliestAt.Add(told.Sub(f.AnnouncedAt))
	f.AnnouncedAt = told
	f.extend()
}

func (f *Flow) extend() {
	f.ExpiresAt = due.Later(f.ExpiresAt, f.EarliestAt.Add(standsFor))
	f.ForgetAt = due.Later(f.ForgetAt, f.ExpiresAt.Add(rememberFor))
}

// schedule sets NextAt to when sweep has something to do, and OpenUntil.
func (f *Flow) schedule() {
	f.NextAt, f.OpenUntil = time.Time{}, time.Time{}
	if f.Account == "" {
		return
	}
	switch f.State {
	case Completing: // has no end of its own: it ends when auth has answered
		f.NextAt, f.OpenUntil = f.CompletingAt.Add(completingFor), f.ForgetAt
		return
	case Collecting, Ready, Waiting:
		f.OpenUntil = f.ExpiresAt
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
	if at, ok := f.finalCall(); ok && !f.LastReminded {
		f.NextAt = at
	}
	if half := f.halfway(); !f.HalfReminded && (f.NextAt.IsZero() || half.Before(f.NextAt)) {
		f.NextAt = half
	}
}
