package recovery

import (
	"context"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const purposeProve = "prove a number"

// SendPhoneCode sends a code to one's own number and returns the time until the
// next may be asked for. Errors: ErrPhoneNotFound, ErrTooManyTexts.
func (s *Service) SendPhoneCode(ctx context.Context, who Person, _ record.Origin, phone string) (time.Duration, error) {
	now := s.Clock.Now()
	w, err := s.Store.Wallet(ctx, who.Account)
	if err != nil {
		return 0, err
	}
	n := w.number(phone)
	if n == nil || s.state(&w, phone, now) == engine.Removed {
		return 0, ErrPhoneNotFound
	}
	// Asked before the counters are raised: impatience must not use up the day's texts.
	if wait := nextSend(n.ID, n.Sends, now); wait > 0 {
		return 0, ErrTooManyTexts.WithRetryAfter(wait)
	}
	if err := s.spendText(ctx, "own", n.MAC, who.Account, now); err != nil {
		return 0, err
	}
	code := secret.Digits(codeDigits)
	var next time.Duration
	err = s.updateWallet(ctx, who.Account, func(w *Wallet) (Effects, error) {
		n := w.number(phone)
		if n == nil || s.state(w, phone, now) == engine.Removed {
			return Effects{}, ErrPhoneNotFound
		}
		text, err := s.issueCode(w, n, code, now)
		if err != nil {
			return Effects{}, err
		}
		next = nextSend(n.ID, n.Sends, now)
		return Effects{Texts: []Text{text}}, nil
	})
	return next, err
}

// issueCode gives n a new code and makes its text. Errors: ErrTooManyTexts.
func (s *Service) issueCode(w *Wallet, n *Number, code secret.String, now time.Time) (Text, error) {
	if wait := nextSend(n.ID, n.Sends, now); wait > 0 {
		return Text{}, ErrTooManyTexts.WithRetryAfter(wait)
	}
	n.Sends = append(since(n.Sends, now.Add(-aDay)), now)
	n.Code = &Code{
		ID: id.New("cod"), Number: n.ID, ExpiresAt: now.Add(codeTTL),
		MAC: s.codeMAC(purposeProve, w.Account, n.ID, "", code),
	}
	return s.codeText(w.Account, w.Account, w.Locale, *n, bodyProve, n.Code.ID, code, now)
}

// spendText takes one text from the day's budgets of the number (in one lane)
// and of the account, before it is written.
func (s *Service) spendText(ctx context.Context, lane, mac, account string, now time.Time) error {
	for _, budget := range []struct {
		key   string
		limit int
	}{{"sms:" + lane + ":" + mac, sendsPerDay}, {"sms:" + lane + ":" + account, 2 * sendsPerDay}} {
		over, err := s.overLimit(ctx, budget.key, now, aDay, budget.limit)
		if err != nil {
			return err
		}
		if over {
			return ErrTooManyTexts.WithRetryAfter(aDay)
		}
	}
	return nil
}

// spendTry takes one try from the code's and from the day's budget of the
// number, before the code is looked at (V17). Error: ErrCodeExhausted.
func (s *Service) spendTry(ctx context.Context, code, number string, now time.Time) error {
	for _, budget := range []struct {
		key   string
		limit int
	}{{"try:" + code, triesPerCode}, {"try-day:" + number, triesPerDay}} {
		over, err := s.overLimit(ctx, budget.key, now, aDay, budget.limit)
		if err != nil {
			return err
		}
		if over {
			return ErrCodeExhausted
		}
	}
	return nil
}
