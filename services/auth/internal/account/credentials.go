package account

import (
	"context"
	"errors"
	"time"

	"centinela/shared/record"
	"centinela/shared/secret"
)

// Me returns the person's own account.
func (s *Service) Me(ctx context.Context, p Person) (Account, error) {
	return s.store.Account(ctx, p.Account)
}

// ChangePassword sets a new password for who proves the current one, and ends the other sessions. Errors:
// ErrPasswordTooWeak, ErrTooMany, ErrWrongPassword, ErrBusy.
func (s *Service) ChangePassword(ctx context.Context, p Person, current, fresh secret.String, o record.Origin) error {
	now := s.clk.Now()
	a, err := s.store.Account(ctx, p.Account)
	if err != nil {
		return err
	}
	if err := s.settings.Rules.CheckPassword("/new_password", a.UserName, fresh); err != nil {
		return err
	}
	// A stolen session must not become a place to guess the password in.
	key := "password/" + a.ID
	if err := s.paced(ctx, now, key); err != nil {
		return err
	}
	right, _, err := s.hasher.Verify(ctx, Familiar, a.PasswordHash, current)
	if err != nil {
		return errors.Join(err, s.store.ForgiveFailures(ctx, key, 1))
	}
	if !right {
		e := event(now, record.PasswordChanged, record.Failure, o, a.ID)
		e.Session, e.Reason = p.Session, "wrong_password"
		if err := s.store.ReportFailure(ctx, key, e); err != nil {
			return err
		}
		s.kick()
		return ErrWrongPassword
	}
	hash, err := s.hasher.Hash(ctx, Familiar, fresh)
	if err != nil {
		return err
	}
	err = s.store.UpdateAccount(ctx, a.ID, func(b *Account) ([]record.Event, error) {
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
	s.kick()
	if err := s.store.ForgiveFailures(ctx, key, 0); err != nil {
		return err
	}
	return s.finishEnding(ctx, a.ID, o)
}

// IssueSavedCodes replaces the saved codes by four new ones, shown this one time. Error: ErrSessionRevoked, when the
// session's end came while this was under way: a thief must not get a way back in at the moment that he is put out.
func (s *Service) IssueSavedCodes(ctx context.Context, p Person, o record.Origin) ([]secret.String, error) {
	now := s.clk.Now()
	sess, err := s.store.Session(ctx, p.Session)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrSessionRevoked
	}
	if err != nil {
		return nil, err
	}
	shown, kept := newCodes(s.key, p.Account)
	err = s.store.UpdateAccount(ctx, p.Account, func(a *Account) ([]record.Event, error) {
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
	s.kick()
	return shown, nil
}

// Redeem spends a saved code as evidence, exactly once; the same redemption with the same code is the same again.
// Errors: ErrCodeInvalid (wrong, spent, or no such account), ErrTooMany for a wrong one after CodesDaily of them in a day.
//
// A right code is taken however many wrong ones came before: strangers may start recoveries of anybody's account, and
// would lock the owner out with wrong codes. Nothing is lost by it, eighty random bits can't be tried through. What the
// budget bounds is how much strangers write into the owner's record.
func (s *Service) Redeem(ctx context.Context, account, redemption, typed string, o record.Origin) error {
	now := s.clk.Now()
	hash := codeHash(s.key, account, foldCode(typed))
	if a, err := s.store.Account(ctx, account); err == nil {
		if i := a.findCode(hash); i >= 0 && a.SavedCodes[i].UsedBy == redemption {
			return nil
		}
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	key := "saved-code/" + account
	spent := s.spend(ctx, now, key, s.settings.CodesDaily, 24*time.Hour)
	if spent != nil && !errors.Is(spent, ErrTooMany) {
		return spent
	}
	err := s.store.UpdateAccount(ctx, account, func(a *Account) ([]record.Event, error) {
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
	wrong := errors.Is(err, ErrNotFound) || errors.Is(err, ErrCodeInvalid)
	switch {
	case wrong && spent != nil:
		return spent
	case errors.Is(err, ErrNotFound):
		return ErrCodeInvalid
	case wrong:
		e := event(now, record.SavedCodeUsed, record.Failure, o, account)
		e.Target = redemption
		err = errors.Join(s.store.ReportFailure(ctx, key, e), err)
		s.kick()
		return err
	case err != nil:
		return err
	}
	s.kick()
	return s.store.ForgiveFailures(ctx, key, 1)
}

// Reset sets the password that recovery allowed on the facts of that security version, and ends all sessions. The same
// reset id again changes nothing, and finishes what was left of it. Errors: ErrNotFound, ErrSecurityChanged,
// ErrPasswordTooWeak, ErrBusy.
func (s *Service) Reset(ctx context.Context, account, resetID string, version int64, fresh secret.String, o record.Origin) error {
	now := s.clk.Now()
	a, err := s.store.Account(ctx, account)
	if err != nil {
		return err
	}
	if a.resetBy(resetID) {
		return s.finishEnding(ctx, account, o)
	}
	if a.SecurityVersion != version {
		return ErrSecurityChanged
	}
	if err := s.settings.Rules.CheckPassword("/new_password", a.UserName, fresh); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, Familiar, fresh)
	if err != nil {
		return err
	}
	err = s.store.UpdateAccount(ctx, account, func(b *Account) ([]record.Event, error) {
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
	s.kick()
	return s.finishEnding(ctx, account, o)
}

func (a *Account) setPassword(now time.Time, hash string) {
	a.PasswordHash, a.PasswordChangedAt = hash, now
	a.securityChanged(now)
}
