package recovery

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"centinela/shared/record"
	"centinela/shared/secret"
)

const earlyNos = 3 // a day and number: recoveries stopped before anybody proved possession

// VetoByToken stops the recovery that the text with this token told of. Errors:
// ErrVetoInvalid (unknown, used, over, or the number has no power now),
// ErrVetoesUsed (V8).
func (s *Service) VetoByToken(ctx context.Context, o record.Origin, token secret.String) error {
	now := s.Clock.Now()
	hash := vetoHash(token)
	f, err := s.Store.FlowByVetoToken(ctx, hash)
	if isNoFlow(err) {
		return ErrVetoInvalid
	}
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.VetoTokens, func(t VetoToken) bool { return t.Hash == hash })
	if at < 0 || !f.VetoTokens[at].UsedAt.IsZero() || f.ended(now) || f.State == Completing {
		return ErrVetoInvalid
	}
	number := f.VetoTokens[at].Number
	if err := s.spendVeto(ctx, f.Account, number, f.ID, o, now); err != nil {
		return err
	}
	stopped, err := s.stop(ctx, f.ID, number, hash, o, now)
	if err == nil && !stopped {
		return ErrVetoInvalid // a racer with the same token, or it completed meanwhile
	}
	return err
}

// HearReply takes a text that came from a phone: NO or STOP from a number with
// veto power stops every open recovery of its account, and counts as one veto
// when any of them had proved possession. Anything else is ignored. messageID
// makes a repeated delivery of the text one.
func (s *Service) HearReply(ctx context.Context, o record.Origin, from, body, messageID string) error {
	if !saysNo(body) {
		return nil
	}
	e164, _, err := parseNumber(from)
	if err != nil {
		return nil //nolint:nilerr // a short code or a foreign format: nobody's number
	}
	wallets, err := s.Store.WalletsByNumber(ctx, s.numberMAC(e164))
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if err := s.hearFor(ctx, o, w, s.numberMAC(e164), messageID); err != nil {
			return err
		}
	}
	return nil
}

// saysNo folds case, space and a full stop away.
func saysNo(body string) bool {
	word := strings.ToLower(strings.Trim(strings.TrimSpace(body), ".!"))
	return word == "no" || word == "stop"
}

func (s *Service) hearFor(ctx context.Context, o record.Origin, w Wallet, mac, messageID string) error {
	now := s.Clock.Now()
	at := slices.IndexFunc(w.Numbers, func(n Number) bool {
		rule, ok := s.Policy.MayVeto(w.facts(), n.ID, now)
		return n.MAC == mac && (ok || rule == "V8")
	})
	if at < 0 {
		return nil // V4: no power over others
	}
	flows, err := s.Store.OpenFlows(ctx, w.Account, now)
	flows = slices.DeleteFunc(flows, func(f Flow) bool { return f.ended(now) || f.State == Completing })
	if err != nil || len(flows) == 0 {
		return err
	}
	if slices.ContainsFunc(flows, func(f Flow) bool { return f.Possession }) {
		switch err := s.spendVeto(ctx, w.Account, w.Numbers[at].ID, messageID, o, now); {
		case errors.Is(err, ErrVetoesUsed):
			return s.sayVetoesUsed(ctx, w.Account, w.Numbers[at].ID, messageID, now)
		case err != nil:
			return err
		}
	} else if over, err := s.overLimit(ctx, "early-no:"+w.Numbers[at].ID, now, aDay, earlyNos); over || err != nil {
		// Before possession a NO is free, so that nobody's starts use up the
		// vetoes; without a limit one number could keep all others out.
		return err
	}
	for _, f := range flows {
		if _, err := s.stop(ctx, f.ID, w.Numbers[at].ID, "", o, now); err != nil {
			return err
		}
	}
	return nil
}

// spendVeto marks a veto of the number before the flow is stopped: stopped in
// between, the same key again goes on. Errors: ErrVetoInvalid (V4), ErrVetoesUsed (V8).
func (s *Service) spendVeto(ctx context.Context, account, number, key string, o record.Origin, now time.Time) error {
	var refused error
	err := s.updateWallet(ctx, account, func(w *Wallet) (Effects, error) {
		refused = nil
		n := w.number(number)
		if n == nil {
			return Effects{}, ErrVetoInvalid
		}
		if slices.ContainsFunc(n.Vetoes, func(v VetoMark) bool { return v.Key == key }) {
			return Effects{}, nil
		}
		rule, ok := s.Policy.MayVeto(w.facts(), number, now)
		if !ok {
			refused = ErrVetoInvalid
			if rule == "V8" {
				refused = ErrVetoesUsed
			}
			e := s.event(now, record.RecoveryVetoed, record.Refused, account, number, o)
			e.Reason, e.Data = refused.Error(), record.Data{"rule": rule, "phone": number}
			return Effects{Events: []record.Event{e}}, nil
		}
		recent := slices.DeleteFunc(slices.Clone(n.Vetoes), func(v VetoMark) bool { return now.Sub(v.At) >= s.Policy.Vetoes.Window.D() })
		n.Vetoes = append(recent, VetoMark{Key: key, At: now})
		return Effects{}, nil
	})
	if err == nil {
		err = refused
	}
	return err
}

// stop ends the flow and tells the account's numbers. It reports whether it was
// this call that did; with a token, exactly one call does.
func (s *Service) stop(ctx context.Context, flow, number, token string, o record.Origin, now time.Time) (bool, error) {
	f, err := s.Store.Flow(ctx, flow)
	if err != nil {
		return false, err
	}
	w, err := s.Store.Wallet(ctx, f.Account)
	if err != nil {
		return false, err
	}
	stopped := false
	err = s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		stopped = false
		if f.ended(now) || f.State == Completing {
			return Effects{}, nil
		}
		for i := range f.VetoTokens {
			if f.VetoTokens[i].Hash == token {
				f.VetoTokens[i].UsedAt = now
			}
		}
		stopped = true
		f.State, f.EndedAt = Vetoed, now
		e := s.event(now, record.RecoveryVetoed, record.Success, f.Account, f.ID, o)
		e.Data = record.Data{"phone": number}
		texts, err := s.notices(&w, f.ID, number, noticeVetoed, "vetoed", now)
		return Effects{Events: []record.Event{e}, Texts: texts}, err
	})
	return stopped, err
}

// sayVetoesUsed answers a NO that stops nothing any more (V8).
func (s *Service) sayVetoesUsed(ctx context.Context, account, number, messageID string, now time.Time) error {
	return s.updateWallet(ctx, account, func(w *Wallet) (Effects, error) {
		n := w.number(number)
		if n == nil {
			return Effects{}, nil
		}
		text, err := s.newText(account, account, *n, "notice", "vetoes used:"+messageID, secret.NewString(noticeVetoesUsed.in(w.Locale)("")), now)
		return Effects{Texts: []Text{text}}, err
	})
}
