package wallet

import (
	"context"
	"time"

	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/id"
	"centinela/shared/secret"
)

// Code is a code that was sent and not used yet: only its keyed MAC.
type Code struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"` // id of the number it went to
	MAC       []byte    `json:"mac"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Good reports whether the code with that MAC is this one, and in time.
func (c *Code) Good(mac []byte, now time.Time) bool {
	return secret.Equal(c.MAC, mac) && now.Before(c.ExpiresAt)
}

// CodeUse is what a code is good for, and nothing else: its purpose, the flow or
// account that it was made for, the number that it went to and, of a flow, the
// hash of the device key.
type CodeUse struct{ Purpose, Owner, Number, Device string }

// NewCode is a code that was made now.
func (s *Service) NewCode(use CodeUse, code secret.String, now time.Time) *Code {
	return &Code{ID: id.New("cod"), Number: use.Number, ExpiresAt: now.Add(limits.CodeTTL), MAC: s.CodeMAC(use, code)}
}

// CodeMAC is the keyed MAC of a code for one use.
func (s *Service) CodeMAC(use CodeUse, code secret.String) []byte {
	return s.o.Key.MAC("sms code", use.Purpose, use.Owner, use.Number, use.Device, code.Reveal())
}

const purposeProve = "prove a number"

// SendCode sends a code to one's own number and returns the time until the next
// may be asked for. Errors: ErrPhoneNotFound, ErrTooManyTexts.
func (s *Service) SendCode(ctx context.Context, who Person, number string) (time.Duration, error) {
	now := s.o.Clock.Now()
	_, n, err := s.own(ctx, who, number, now)
	if err != nil {
		return 0, err
	}
	if err := MayResend(n.ID, n.Sends, now); err != nil {
		return 0, err
	}
	uses := limits.TextToProved(who.Account, number)
	if len(n.Proofs) == 0 {
		uses = limits.TextToNew(who.Account, n.MAC)
	}
	code := secret.Digits(limits.CodeDigits)
	var next time.Duration
	err = s.o.Budget.Spend(ctx, func(ctx context.Context) error {
		_, err := s.updateNumber(ctx, who.Account, number, now, func(w *Wallet, n *Number) (post.Effects, error) {
			text, err := s.issueCode(w, n, code, now)
			next = limits.NextSend(n.ID, n.Sends, now)
			return post.Effects{Texts: []post.Text{text}}, err
		})
		return err
	}, uses...)
	return next, tooManyTexts(err)
}

// MayResend refuses a code that comes too soon after those that were sent, with
// the time to wait. Error: ErrTooManyTexts.
func MayResend(key string, sends []time.Time, now time.Time) error {
	if wait := limits.NextSend(key, sends, now); wait > 0 {
		return ErrTooManyTexts.WithRetryAfter(wait)
	}
	return nil
}

// issueCode gives n a new code and makes its text. Errors: ErrTooManyTexts.
func (s *Service) issueCode(w *Wallet, n *Number, code secret.String, now time.Time) (post.Text, error) {
	if err := MayResend(n.ID, n.Sends, now); err != nil {
		return post.Text{}, err
	}
	n.Sends = limits.Sent(n.Sends, now)
	n.Code = s.NewCode(CodeUse{Purpose: purposeProve, Owner: w.Account, Number: n.ID}, code, now)
	return s.Text(*n, post.Draft{
		Owner: w.Account, Account: w.Account, Purpose: post.Code, Name: n.Code.ID,
		Body: s.o.Writer.CodeBody(post.ProveNumber, w.Locale, code), ExpiresAt: n.Code.ExpiresAt,
	}, now)
}
