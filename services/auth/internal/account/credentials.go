package account

import (
	"context"
	"errors"
	"time"

	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/humantext"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Me returns the person's own account.
func (s *Service) Me(ctx context.Context, p Person) (Account, error) {
	return s.Store.Account(ctx, p.Account)
}

// ChangePassword sets a new password for who proves the current one, and ends the other sessions. Errors:
// password.ErrTooWeak, throttle.ErrTooMany, ErrWrongPassword, password.ErrBusy.
func (s *Service) ChangePassword(ctx context.Context, p Person, current, fresh secret.String, o record.Origin) error {
	now := s.Clock.Now()
	a, err := s.Store.Account(ctx, p.Account)
	if err != nil {
		return err
	}
	if err := s.settings.Passwords.Check("/new_password", a.UserName, fresh); err != nil {
		return err
	}
	// A stolen session must not become a place to guess the password in.
	try := throttle.CurrentPassword(a.ID)
	if err := s.Throttle.Take(ctx, try); err != nil {
		return err
	}
	right, _, err := s.Hasher.Verify(ctx, password.Familiar, a.PasswordHash, current)
	if err != nil {
		return errors.Join(err, s.Throttle.Forgive(ctx, try.One()))
	}
	if !right {
		e := event(now, record.PasswordChanged, record.Failure, o, a.ID)
		e.Session, e.Reason = p.Session, "wrong_password"
		if err := s.report(ctx, e); err != nil {
			return err
		}
		return ErrWrongPassword
	}
	if err := s.Throttle.Forgive(ctx, try.All()); err != nil { // it was no guess, whatever becomes of the change
		return err
	}
	hash, err := s.Hasher.Hash(ctx, password.Familiar, fresh)
	if err != nil {
		return err
	}
	err = s.Store.UpdateAccount(ctx, a.ID, func(b *Account) ([]record.Event, error) {
		if b.PasswordHash != a.PasswordHash { // changed meanwhile: what was proved is no longer the password
			return nil, ErrWrongPassword
		}
		b.setPassword(now, hash)
		b.endSessions(now, p.Session, "password_changed")
		e := event(now, record.PasswordChanged, record.Success, o, b.ID)
		e.Session = p.Session
		return []record.Event{e}, nil
	})
	if err != nil {
		return err
	}
	s.Kick()
	return s.finishEnding(ctx, a.ID, o)
}

// IssueSavedCodes replaces the saved codes by four new ones, shown this one time. Error: ErrSessionRevoked, when the
// session's end came while this was under way: a thief must not get a way back in at the moment that he is put out.
func (s *Service) IssueSavedCodes(ctx context.Context, p Person, o record.Origin) ([]secret.String, error) {
	now := s.Clock.Now()
	sess, err := s.Store.Session(ctx, p.Session)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrSessionRevoked
	}
	if err != nil {
		return nil, err
	}
	shown, kept := newCodes(s.Key, p.Account)
	err = s.Store.UpdateAccount(ctx, p.Account, func(a *Account) ([]record.Event, error) {
		if sess.liveOf(a, now) != nil {
			return nil, ErrSessionRevoked
		}
		a.SavedCodes = kept
		a.securityChanged(now)
		e := event(now, record.SavedCodesIssued, record.Success, o, a.ID)
		e.Session = p.Session
		return []record.Event{e}, nil
	})
	if err != nil {
		return nil, err
	}
	s.Kick()
	return shown, nil
}

// Redeem spends a saved code as evidence, exactly once; the same redemption with the same code is the same again. Errors:
// ErrCodeInvalid (wrong, spent, no code at all, or no such account), throttle.ErrTooMany for a wrong one after the day's
// limit of them.
//
// A right code is taken however many wrong ones came before: strangers may start recoveries of anybody's account, and
// would lock the owner out with wrong codes. Nothing is lost by it, eighty random bits can't be tried through. What the
// limit bounds is how much strangers write into the owner's record.
func (s *Service) Redeem(ctx context.Context, account, redemption, typed string, o record.Origin) error {
	plain, ok := humantext.SavedCode(typed)
	if !ok { // whatever it is, it costs no try
		return ErrCodeInvalid
	}
	hash := codeHash(s.Key, account, plain)
	if a, err := s.Store.Account(ctx, account); err == nil {
		if i := a.findCode(hash); i >= 0 && a.SavedCodes[i].UsedBy == redemption {
			return nil
		}
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	try := throttle.SavedCode(account)
	full := s.Throttle.Take(ctx, try)
	if full != nil && !errors.Is(full, throttle.ErrTooMany) {
		return full
	}
	err := s.spendCode(ctx, account, redemption, hash, o)
	unknown := errors.Is(err, ErrNotFound)
	switch {
	case err == nil && full == nil:
		return s.Throttle.Forgive(ctx, try.One())
	case full != nil && (unknown || errors.Is(err, ErrCodeInvalid)):
		return full
	case unknown: // nobody's record
		return ErrCodeInvalid
	case errors.Is(err, ErrCodeInvalid):
		e := event(s.Clock.Now(), record.SavedCodeUsed, record.Failure, o, account)
		e.Target = redemption
		return errors.Join(s.report(ctx, e), err)
	default:
		return err
	}
}

// spendCode marks the code as used by that redemption. ErrCodeInvalid, ErrNotFound.
func (s *Service) spendCode(ctx context.Context, account, redemption string, hash []byte, o record.Origin) error {
	now := s.Clock.Now()
	err := s.Store.UpdateAccount(ctx, account, func(a *Account) ([]record.Event, error) {
		i := a.findCode(hash)
		if i < 0 || (a.SavedCodes[i].UsedBy != "" && a.SavedCodes[i].UsedBy != redemption) {
			return nil, ErrCodeInvalid
		}
		if a.SavedCodes[i].UsedBy == redemption { // its twin came first
			return nil, nil
		}
		a.SavedCodes[i].UsedBy, a.SavedCodes[i].UsedAt = redemption, now
		e := event(now, record.SavedCodeUsed, record.Success, o, a.ID)
		e.Target = redemption
		return []record.Event{e}, nil
	})
	s.Kick()
	return err
}

// Reset sets the password that recovery allowed on the facts of that security version, and ends all sessions. The same
// reset id again changes nothing, and finishes what was left of it. Errors: ErrNotFound, ErrSecurityChanged,
// password.ErrTooWeak, password.ErrBusy.
func (s *Service) Reset(ctx context.Context, account, resetID string, version int64, fresh secret.String, o record.Origin) error {
	now := s.Clock.Now()
	a, err := s.Store.Account(ctx, account)
	if err != nil {
		return err
	}
	if a.resetBy(resetID) {
		return s.finishEnding(ctx, account, o)
	}
	if a.SecurityVersion != version {
		return ErrSecurityChanged
	}
	if err := s.settings.Passwords.Check("/new_password", a.UserName, fresh); err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, password.Familiar, fresh)
	if err != nil {
		return err
	}
	err = s.Store.UpdateAccount(ctx, account, func(b *Account) ([]record.Event, error) {
		if b.resetBy(resetID) {
			return nil, nil
		}
		if b.SecurityVersion != version {
			return nil, ErrSecurityChanged
		}
		b.setPassword(now, hash)
		b.Resets = append(b.Resets, Reset{ID: resetID, At: now})
		b.Resets = b.Resets[max(0, len(b.Resets)-maxResets):]
		b.endSessions(now, "", "password_reset")
		e := event(now, record.PasswordReset, record.Success, o, b.ID)
		e.Target = resetID
		return []record.Event{e}, nil
	})
	if err != nil {
		return err
	}
	s.Kick()
	return s.finishEnding(ctx, account, o)
}

func (a *Account) setPassword(now time.Time, hash string) {
	a.PasswordHash, a.PasswordChangedAt = hash, now
	a.securityChanged(now)
}
