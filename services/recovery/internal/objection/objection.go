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
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/humantext"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Store finds recoveries by what is in a text.
type Store interface {
	// FlowByVetoToken returns the flow with that token's hash (hex), or claim.ErrNoFlow.
	FlowByVetoToken(ctx context.Context, hash string) (claim.Flow, error)
	// OpenFlows is claim.Store's.
	OpenFlows(ctx context.Context, account string, now time.Time) ([]claim.Flow, error)
}

// What is refused.
var (
	ErrVetoInvalid = fault.New(fault.KindNotFound, fault.CodeVetoInvalid, "the link is not valid, was used, or its recovery is over")
	ErrVetoesUsed  = fault.New(fault.KindConflict, fault.CodeLimitReached, "this number has stopped two recoveries in 90 days already and can't stop another: sign in and change the password")
)

// Options is what the use cases need.
type Options struct {
	Store   Store
	Wallets *wallet.Service
	Claims  *claim.Service
	Policy  engine.Policy
	Budget  *limits.Budget
	Clock   clock.Clock
}

// Service is the use cases. It is safe for concurrent use.
type Service struct{ o Options }

// New returns the use cases.
func New(o Options) *Service { return &Service{o} }

// ByToken stops the recovery that the text with this token told of. Errors:
// ErrVetoInvalid (unknown, used, over, or the number has no power now),
// ErrVetoesUsed (V8).
func (s *Service) ByToken(ctx context.Context, o record.Origin, token secret.String) error {
	now := s.o.Clock.Now()
	hash := claim.VetoHash(token)
	f, err := s.o.Store.FlowByVetoToken(ctx, hash)
	if errors.Is(err, claim.ErrNoFlow) {
		return ErrVetoInvalid
	}
	if err != nil {
		return err
	}
	at := slices.IndexFunc(f.VetoTokens, func(t claim.VetoToken) bool { return t.Hash == hash })
	if at < 0 || !f.Stoppable(now) {
		return ErrVetoInvalid
	}
	number := f.VetoTokens[at].Number
	if err := s.spendVeto(ctx, f.Account, number, f.ID, o, now); err != nil {
		return err
	}
	stopped, err := s.o.Claims.Stop(ctx, f, number, o)
	if err == nil && !stopped {
		return ErrVetoInvalid // a racer with the same token, or it completes meanwhile
	}
	return err
}

// spendVeto marks a veto of the number before the flow is stopped: stopped in
// between, the same key again goes on. Errors: ErrVetoInvalid (V4), ErrVetoesUsed (V8).
func (s *Service) spendVeto(ctx context.Context, account, number, key string, o record.Origin, now time.Time) error {
	return s.o.Wallets.Update(ctx, account, func(w *wallet.Wallet) (post.Effects, error) {
		n := w.Number(number)
		if n == nil {
			return post.Effects{}, ErrVetoInvalid
		}
		if slices.ContainsFunc(n.Vetoes, func(v engine.VetoMark) bool { return v.Key == key }) {
			return post.Effects{}, nil
		}
		rule, ok := s.o.Policy.MayVeto(w.Facts(), number, now)
		if !ok {
			refused := ErrVetoInvalid
			if rule == engine.V8 {
				refused = ErrVetoesUsed
			}
			e := post.Event(now, record.RecoveryVetoed, record.Refused, account, number, o, record.Data{"rule": string(rule), "phone": number})
			e.Reason = refused.Error()
			return post.Effects{Events: []record.Event{e}, Refused: refused}, nil
		}
		recent := slices.DeleteFunc(slices.Clone(n.Vetoes), func(v engine.VetoMark) bool { return now.Sub(v.At) >= s.o.Policy.Vetoes.Window })
		n.Vetoes = append(recent, engine.VetoMark{Key: key, At: now})
		return post.Effects{}, nil
	})
}

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
	if slices.ContainsFunc(flows, func(f claim.Flow) bool { return f.Proved() }) {
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
