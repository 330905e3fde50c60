package claim

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/due"

	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const purposeRecover = "recover"

// SendCode sends a code: to the oldest number that may recover (R6.1), or to the
// one that is typed in full, if it is bound to the account and may recover
// (V16). Otherwise nothing is sent, and the answer is the same (V15). Errors:
// ErrRecovery, ErrEnded, ErrExpired, wallet.ErrTooManyTexts (counted in the flow
// alone), wallet.ErrPhoneInvalid, wallet.ErrPhoneNotMobile (of what was typed).
func (s *Service) SendCode(ctx context.Context, o record.Origin, flow string, token secret.String, typed string) (_ View, failed error) {
	defer due.Paced(ctx, s.o.AnswerAfter)(&failed)
	now := s.o.Clock.Now()
	f, err := s.opened(ctx, flow, token, now)
	if err != nil {
		return View{}, err
	}
	mac := ""
	if typed != "" {
		e164, _, err := wallet.ParseNumber(typed)
		if err != nil {
			return View{}, err
		}
		mac = s.o.Wallets.NumberMAC(e164)
	}
	if err := wallet.MayResend(f.ID, f.Sends, now); err != nil {
		return View{}, err
	}
	w, err := s.o.Wallets.Wallet(ctx, f.Subject)
	if err != nil {
		return View{}, err
	}
	n, found := s.recipient(&w, mac, now)
	send := found && !f.hollow()
	// What isn't sent uses up nobody's texts, and takes as long.
	subject := f.Subject
	if !send {
		subject = s.nobody(f.ID)
	}
	code, view := secret.Digits(limits.CodeDigits), View{}
	err = s.o.Budget.SpendOr(ctx, func(ctx context.Context, room bool) error {
		return s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
			if err := f.open(now); err != nil {
				return post.Effects{}, err
			}
			if err := wallet.MayResend(f.ID, f.Sends, now); err != nil {
				return post.Effects{}, err
			}
			effects, err := s.sendTo(f, n, send && room && !f.hollow(), code, o, now)
			if err == nil {
				view, err = s.view(f, now)
			}
			return effects, err
		})
	}, limits.TextOfFlow(f.Lane, subject, n.ID)...)
	return view, err
}

// sendTo gives the flow a new code. When nothing is sent it gets one all the
// same, which nobody knows.
func (s *Service) sendTo(f *Flow, n wallet.Number, send bool, code secret.String, o record.Origin, now time.Time) (post.Effects, error) {
	o.Device = f.Device
	f.Sends, f.CodeTries = limits.Sent(f.Sends, now), limits.Tries{}
	f.Code = s.o.Wallets.NewCode(f.codeUse(n.ID), code, now)
	if !send {
		quiet := f.event(now, record.RecoveryCodeSent, record.Refused, o, nil)
		quiet.Reason = "no number of the account may get a code"
		return post.Effects{Events: []record.Event{quiet}}, nil
	}
	if n := (Texted{n.ID, n.Masked}); !slices.Contains(f.Texted, n) {
		f.Texted = append(f.Texted, n)
	}
	expires := f.Code.ExpiresAt
	if f.ExpiresAt.Before(expires) {
		expires = f.ExpiresAt // the code is worth nothing after it (MG W1)
	}
	text, err := s.o.Wallets.Text(n, post.Draft{
		Owner: f.ID, Account: f.Account, Purpose: post.Code, Name: f.Code.ID, Body: s.o.Writer.CodeBody(post.RecoverAccount, f.Locale, code, s.o.Wallets.Word(f.ID, n.ID)), ExpiresAt: expires,
	}, now)
	sent := f.event(now, record.RecoveryCodeSent, record.Success, o, record.Data{"phone": n.ID, "number": n.Masked})
	return post.Effects{Events: []record.Event{sent}, Texts: []post.Text{text}}, err
}

func (f *Flow) codeUse(number string) wallet.CodeUse {
	return wallet.CodeUse{Purpose: purposeRecover, Owner: f.ID, Number: number, Device: f.Device}
}

// recipient is the oldest number that may recover, or the one with that MAC.
func (s *Service) recipient(w *wallet.Wallet, mac string, now time.Time) (wallet.Number, bool) {
	for _, n := range s.o.Wallets.Powerful(w, now) {
		if mac == "" || n.MAC == mac {
			return n, true
		}
	}
	return wallet.Number{}, false
}
