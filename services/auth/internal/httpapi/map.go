package httpapi

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"time"

	"centinela/openapi/gen/authapi"
	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/access"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/secret"
)

func originOf(ctx context.Context) record.Origin {
	r := httpkit.RequestOf(ctx)
	return record.Origin{Address: r.Address, UserAgent: r.UserAgent, RequestID: r.ID}
}

// personOf is for operations that the specification gives a person; without one it is nobody, whose account is found
// nowhere.
func personOf(ctx context.Context) account.Person {
	p := httpkit.RequestOf(ctx).Person
	if p == nil {
		return account.Person{}
	}
	return account.Person{Account: p.Account, Session: p.Session, AuthTime: p.AuthTime}
}

func newAccountOf(b authapi.NewAccount) account.NewAccount {
	locale := authapi.LocaleEn
	if b.Locale != nil {
		locale = *b.Locale
	}
	return account.NewAccount{UserName: b.UserName, Password: secret.NewString(b.Password), Locale: string(locale)}
}

func signInOf(b authapi.SignIn) account.SignIn {
	in := account.SignIn{Identifier: b.Identifier, Password: secret.NewString(b.Password)}
	if b.Device != nil {
		in.DeviceKey, in.DeviceName = secret.NewString(b.Device.Key), given(b.Device.Name)
	}
	return in
}

func accountWire(a account.Account) authapi.Account {
	return authapi.Account{
		Id: a.ID, UserName: a.UserName, Locale: authapi.Locale(a.Locale), CreatedAt: a.CreatedAt, SavedCodesLeft: a.CodesLeft(),
	}
}

func codesWire(codes []secret.String) authapi.SavedCodeList {
	list := make(authapi.SavedCodeList, len(codes))
	for i, c := range codes {
		list[i] = c.Reveal()
	}
	return list
}

func tokensWire(t account.Tokens) authapi.TokenSet {
	return authapi.TokenSet{
		AccountId: t.Account, SessionId: t.Session, TokenType: authapi.TokenSetTokenTypeBearer,
		AccessToken: t.Access.Reveal(), ExpiresIn: int(t.AccessFor / time.Second),
		RefreshToken: t.Refresh.Reveal(), RefreshExpiresAt: t.RefreshUntil,
	}
}

func sessionsWire(sessions []account.Session, current string) authapi.SessionList {
	list := authapi.SessionList{Sessions: make([]authapi.Session, len(sessions))}
	for i, s := range sessions {
		list.Sessions[i] = authapi.Session{
			Id: s.ID, Current: s.ID == current, DeviceName: optional(s.DeviceName), UserAgent: optional(s.UserAgent),
			Address: s.Address, CreatedAt: s.CreatedAt, LastUsedAt: s.LastUsedAt, ExpiresAt: s.ExpiresAt,
		}
	}
	return list
}

// factsWire gives recovery what it decides on, and any other caller who the account is.
func factsWire(caller string, f account.Facts, found bool) authapi.AccountFacts {
	if !found {
		return authapi.AccountFacts{Found: false}
	}
	w := authapi.AccountFacts{Found: true, AccountId: &f.ID, UserName: &f.UserName}
	if caller != module.Recovery {
		return w
	}
	locale, left := authapi.Locale(f.Locale), f.CodesLeft()
	w.Locale, w.SavedCodesLeft, w.DeviceKnown = &locale, &left, &f.DeviceKnown
	w.CreatedAt, w.LastSecurityChangeAt = moment(f.CreatedAt), moment(f.LastSecurityChangeAt)
	resets := make([]string, len(f.Resets))
	for i, r := range f.Resets {
		resets[i] = r.ID
	}
	w.ResetIds, w.SecurityVersion = &resets, &f.SecurityVersion
	w.LastResetAt, w.UnfamiliarSignInAt = moment(f.LastResetAt()), moment(f.UnfamiliarSignInAt)
	return w
}

// jwksWire is access.JWKS in the form of the specification's type.
func jwksWire(keys map[string]ed25519.PublicKey) (set authapi.Jwks, err error) {
	err = json.Unmarshal(access.JWKS(keys), &set)
	return set, err
}

func revocationsWire(p revoked.Page) authapi.RevocationPage {
	w := authapi.RevocationPage{Revocations: make([]authapi.Revocation, len(p.Entries)), Next: p.Next, More: p.More}
	for i, e := range p.Entries {
		w.Revocations[i] = authapi.Revocation{Kind: authapi.RevocationKindSession, Id: e.Session, Until: e.Until}
	}
	return w
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
