package objection

import (
	"context"
	"errors"
	"slices"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/humantext"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// ByReply takes a text that came from a phone: NO or STOP from a number with
// veto power stops every open recovery of its account, and counts as one veto
// when any of them had proved possession. Anything else is ignored. messageID
// makes a repeated delivery of the text one.
func (s *Service) ByReply(ctx context.Context, o record.Origin, from, body, messageID string) error {
	if !saysNo(body) {
		return nil
	}
	e164, _, err := wallet.ParseNumber(from)
	if err != nil {
		return nil //nolint:nilerr // a short code or a foreign format: nobody's number
	}
	mac := s.o.Wallets.NumberMAC(e164)
	wallets, err := s.o.Wallets.ByNumber(ctx, mac)
	if err != nil {
		return err
	}
	for _, w := range wallets {
		if err := s.replyFor(ctx, o, w, mac, messageID); err != nil {
			return err
		}
	}
	return nil
}

// saysNo looks at the first word: a NO that is missed can cost the account, one
// that is heard too much costs another try (FR A4).
func saysNo(body string) bool {
	word := humantext.ReplyWord(body)
	return word == "no" || word == "stop"
}

func (s *Service) replyFor(ctx context.Context, o record.Origin, w wallet.Wallet, mac, messageID string) error {
	now := s.o.Clock.Now()
	at := slices.IndexFunc(w.Numbers, func(n wallet.Number) bool {
		rule, ok := s.o.Policy.MayVeto(w.Facts(), n.ID, now)
		return n.MAC == mac && (ok || rule == engine.V8)
	})
	if at < 0 {
		return nil // V4: no power over others
	}
	number := w.Numbers[at].ID
	flows, err := s.o.Store.OpenFlows(ctx, w.Account, now)
	flows = slices.DeleteFunc(flows, func(f claim.Flow) bool { return !f.Stoppable(now) })
	if err != nil || len(flows) == 0 {
		return err
	}
	if slices.ContainsFunc(flows, func(f claim.Flow) bool { return f.Possession }) {
		err = s.spendVeto(ctx, w.Account, number, messageID, o, now)
		if errors.Is(err, ErrVetoesUsed) {
			return s.sayVetoesUsed(ctx, w.Account, number, messageID, now)
		}
	} else {
		// Before possession a NO is free, so that nobody's starts use up the
		// vetoes; without a limit one number could keep all others out.
		err = s.o.Budget.Take(ctx, limits.EarlyNo(number))
		if _, full := limits.Full(err); full {
			return nil
		}
	}
	if err != nil {
		return err
	}
	for _, f := range flows {
		if _, err := s.o.Claims.Stop(ctx, f, number, o); err != nil {
			return err
		}
	}
	return nil
}

// sayVetoesUsed answers a NO that stops nothing any more (V8).
func (s *Service) sayVetoesUsed(ctx context.Context, account, number, messageID string, now time.Time) error {
	return s.o.Wallets.Update(ctx, account, func(w *wallet.Wallet) (post.Effects, error) {
		n := w.Number(number)
		if n == nil {
			return post.Effects{}, nil
		}
		text, err := s.o.Wallets.Text(*n, post.Draft{
			Owner: account, Account: account, Purpose: post.Notice, Name: "vetoes used:" + messageID,
			Body: secret.NewString(post.VetoesUsed.In(w.Locale, "")),
		}, now)
		return post.Effects{Texts: []post.Text{text}}, err
	})
}
