package account

import (
	"context"
	"errors"
	"time"

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

// SignUp makes an account and its four saved codes, which are shown this one time. Errors: ErrNameInvalid,
// ErrPasswordTooWeak, ErrTooMany (per source and hour; tries count, so that names can't be probed either),
// ErrNameTaken, ErrBusy.
func (s *Service) SignUp(ctx context.Context, n NewAccount, o record.Origin) (Account, []secret.String, error) {
	now := s.clk.Now()
	name, err := CleanName(n.UserName)
	if err != nil {
		return Account{}, nil, err
	}
	source := hexMAC(s.key, "throttle-signup", sourceOf(o.Address))
	if err := s.spend(ctx, now, "signup/"+source, s.settings.SignUpsHourly, time.Hour); err != nil {
		return Account{}, nil, err
	}
	if err := s.settings.Rules.CheckPassword("/password", name, n.Password); err != nil {
		return Account{}, nil, err
	}
	// Asked first only to save a hash; the unique index decides.
	if _, err := s.store.AccountByName(ctx, NameKey(name)); err == nil {
		return Account{}, nil, ErrNameTaken
	} else if !errors.Is(err, ErrNotFound) {
		return Account{}, nil, err
	}
	hash, err := s.hasher.Hash(ctx, Stranger, n.Password)
	if err != nil {
		return Account{}, nil, err
	}
	a := Account{
		ID: id.New("acc"), UserName: name, NameKey: NameKey(name), Locale: n.Locale,
		PasswordHash: hash, PasswordChangedAt: now, CreatedAt: now, LastSecurityChangeAt: now, SecurityVersion: 1,
	}
	var shown []secret.String
	shown, a.SavedCodes = newCodes(s.key, a.ID)
	err = s.store.CreateAccount(ctx, a,
		event(now, record.AccountCreated, record.Success, o, a.ID),
		event(now, record.SavedCodesIssued, record.Success, o, a.ID))
	if err != nil {
		return Account{}, nil, err
	}
	s.kick()
	return a, shown, nil
}

// Advice is what a person should do after signing up, in their language: one way back is not enough.
func Advice(locale string) string {
	if locale == "es" {
		return "Guarda estos códigos en papel, lejos del teléfono, y añade tu número: así tu cuenta tiene una segunda forma de volver."
	}
	return "Keep these codes on paper, away from the phone, and add your number, so that your account has a second way back."
}
