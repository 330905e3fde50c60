package account

import (
	"context"
	"errors"

	"centinela/services/auth/internal/name"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// NewAccount is what a person signs up with.
type NewAccount struct {
	UserName string
	Password secret.String
	Locale   string // es, en
}

// SignUp makes an account and its four saved codes, which are shown this one time. Errors: name.ErrInvalid,
// password.ErrTooWeak, throttle.ErrTooMany (per source and hour; tries count, so that names can't be probed either),
// ErrNameTaken, password.ErrBusy.
func (s *Service) SignUp(ctx context.Context, n NewAccount, o record.Origin) (Account, []secret.String, error) {
	now := s.Clock.Now()
	shown, err := s.settings.Names.Clean(n.UserName)
	if err != nil {
		return Account{}, nil, err
	}
	if err := s.Throttle.Take(ctx, throttle.SignUp(o.Address)); err != nil {
		return Account{}, nil, err
	}
	if err := s.settings.Passwords.Check("/password", shown, n.Password); err != nil {
		return Account{}, nil, err
	}
	// Asked first only to save a hash; the unique index decides.
	key := name.Key(shown)
	if _, err := s.Store.AccountByName(ctx, key); err == nil {
		return Account{}, nil, ErrNameTaken
	} else if !errors.Is(err, ErrNotFound) {
		return Account{}, nil, err
	}
	hash, err := s.Hasher.Hash(ctx, password.Stranger, n.Password)
	if err != nil {
		return Account{}, nil, err
	}
	a := Account{
		ID: id.New("acc"), UserName: shown, NameKey: key, Locale: n.Locale,
		PasswordHash: hash, PasswordChangedAt: now, CreatedAt: now, LastSecurityChangeAt: now, SecurityVersion: 1,
	}
	var codes []secret.String
	codes, a.SavedCodes = newCodes(s.Key, a.ID)
	err = s.Store.CreateAccount(ctx, a,
		event(now, record.AccountCreated, record.Success, o, a.ID),
		event(now, record.SavedCodesIssued, record.Success, o, a.ID))
	if err != nil {
		return Account{}, nil, err
	}
	s.Kick()
	return a, codes, nil
}

// Advice is what a person should do after signing up, in their language: one way back is not enough.
func Advice(locale string) string {
	if locale == "es" {
		return "Guarda estos códigos en papel, lejos del teléfono, y añade tu número: así tu cuenta tiene una segunda forma de volver."
	}
	return "Keep these codes on paper, away from the phone, and add your number, so that your account has a second way back."
}
