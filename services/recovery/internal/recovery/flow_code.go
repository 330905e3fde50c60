package recovery

import (
	"context"
	"errors"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const purposeRecover = "recover"

// SendCode sends a code: to the oldest number that may recover (R6.1), or to the
// one that is typed in full, if it is bound to the account and may recover
// (V16). Otherwise nothing is sent, and the answer is the same (V15). Errors:
// ErrRecovery, ErrEnded, ErrExpired, ErrTooManyTexts (counted in the flow
// alone), ErrPhoneInvalid, ErrPhoneNotMobile (of what was typed).
func (s *Service) SendCode(ctx context.Context, o record.Origin, flow string, token secret.String, typed string) (_ FlowView, failed error) {
	defer s.pace(ctx)(&failed)
	now := s.Clock.Now()
	f, err := s.claim(ctx, flow, token)
	if err != nil {
		return FlowView{}, err
	}
	if err := f.open(now); err != nil {
		return FlowView{}, err
	}
	mac := ""
	if typed != "" {
		e164, _, err := parseNumber(typed)
		if err != nil {
			return FlowView{}, err
		}
		mac = s.numberMAC(e164)
	}
	if wait := nextSend(f.ID, f.Sends, now); wait > 0 {
		return FlowView{}, ErrTooManyTexts.WithRetryAfter(wait)
	}
	w, err := s.Store.Wallet(ctx, f.Subject)
	if err != nil {
		return FlowView{}, err
	}
	n, found := s.recipient(&w, mac, now)
	budget := s.spendText(ctx, f.Lane, n.MAC+f.Subject, f.Subject, now)
	if budget != nil && !errors.Is(budget, ErrTooManyTexts) {
		return FlowView{}, budget
	}
	code, view := secret.Digits(codeDigits), FlowView{}
	err = s.updateFlow(ctx, flow, func(f *Flow) (Effects, error) {
		if err := f.open(now); err != nil {
			return Effects{}, err
		}
		if wait := nextSend(f.ID, f.Sends, now); wait > 0 {
			return Effects{}, ErrTooManyTexts.WithRetryAfter(wait)
		}
		effects, err := s.sendTo(f, n, found && budget == nil && !f.hollow(), code, o, now)
		view = s.view(f, now)
		return effects, err
	})
	return view, err
}

// sendTo gives the flow a new code. When nothing is sent it gets one all the
// same, which nobody knows.
func (s *Service) sendTo(f *Flow, n Number, send bool, code secret.String, o record.Origin, now time.Time) (Effects, error) {
	o.Device = f.Device
	f.Sends = append(since(f.Sends, now.Add(-aDay)), now)
	f.Code = &Code{
		ID: id.New("cod"), Number: n.ID, ExpiresAt: now.Add(codeTTL),
		MAC: s.codeMAC(purposeRecover, f.ID, n.ID, f.Device, code),
	}
	if !send {
		quiet := s.event(now, record.RecoveryCodeSent, record.Refused, f.Account, f.ID, o)
		quiet.Reason = "no number of the account may get a code"
		return Effects{Events: []record.Event{quiet}}, nil
	}
	text, err := s.codeText(f.ID, f.Account, f.Locale, n, bodyRecover, f.Code.ID, code, now)
	sent := s.event(now, record.RecoveryCodeSent, record.Success, f.Account, f.ID, o)
	sent.Data = record.Data{"phone": n.ID, "number": n.Masked}
	return Effects{Events: []record.Event{sent}, Texts: []Text{text}}, err
}

// recipient is the oldest number that may recover, or the one with that MAC.
func (s *Service) recipient(w *Wallet, mac string, now time.Time) (Number, bool) {
	for _, n := range s.powerful(w, now) {
		if mac == "" || n.MAC == mac {
			return n, true
		}
	}
	return Number{}, false
}
