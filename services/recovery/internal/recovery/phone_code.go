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

// budget is a counter, what it may reach, and when it starts again.
type budget struct {
	key    string
	limit  int
	window time.Duration
}

// spend raises the counters in turn and reports whether all are within their
// limits; the first that isn't ends it. It comes before what is counted (V17).
func (s *Service) spend(ctx context.Context, now time.Time, budgets ...budget) (bool, error) {
	for _, b := range budgets {
		over, err := s.overLimit(ctx, b.key, now, b.window, b.limit)
		if over || err != nil {
			return false, err
		}
	}
	return true, nil
}

// spendText takes one text from the budgets of the number (in one lane) and of
// the account, before it is written. Error: ErrTooManyTexts.
func (s *Service) spendText(ctx context.Context, lane, mac, account string, now time.Time) error {
	ok, err := s.spend(ctx, now,
		budget{"sms-burst:" + lane + ":" + mac, burst, burstWindow},
		budget{"sms:" + lane + ":" + mac, sendsPerDay, aDay},
		budget{"sms:" + lane + ":" + account, 2 * sendsPerDay, aDay})
	if err == nil && !ok {
		err = ErrTooManyTexts.WithRetryAfter(aDay)
	}
	return err
}

// spendTry takes one try of the code with that name. Error: ErrCodeExhausted.
func (s *Service) spendTry(ctx context.Context, code string, now time.Time) error {
	ok, err := s.spend(ctx, now, budget{"try:" + code, triesPerCode, aDay})
	if err == nil && !ok {
		err = ErrCodeExhausted
	}
	return err
}

// mayTry takes one try from the budgets of a number in one lane: they survive a
// new code, a new flow and a restart.
func (s *Service) mayTry(ctx context.Context, number string, now time.Time) (bool, error) {
	return s.spend(ctx, now,
		budget{"try-day:" + number, triesPerDay, aDay},
		budget{"try-all:" + number, triesInAll, inAllWindow})
}

// tryWorked sets the tries in a row back: the number was proved.
func (s *Service) tryWorked(ctx context.Context, number string) error {
	return s.Store.Uncount(ctx, "try-all:"+number)
}
