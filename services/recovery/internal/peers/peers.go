package peers

import (
	"context"
	"time"

	"centinela/openapi/gen/auditclient"
	"centinela/openapi/gen/authclient"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/secret"
)

// Auth is auth over HTTP, as wallets and recoveries need it.
type Auth struct{ client authclient.Client }

var (
	_ wallet.Accounts = (*Auth)(nil)
	_ claim.Accounts  = (*Auth)(nil)
	_ claim.Places    = (*Audit)(nil)
)

// NewAuth wraps the client of the peer, which finds its address at each call.
func NewAuth(client *httpkit.Client) *Auth {
	return &Auth{authclient.Client{Server: "http://auth/", Client: client}}
}

// Lookup implements claim.Accounts.
func (a *Auth) Lookup(ctx context.Context, identifier, device string) (wallet.Account, error) {
	return account(httpkit.Read[authclient.AccountFacts](a.client.LookupAccount(ctx, authclient.AccountLookup{Identifier: identifier, Device: optional(device)})))
}

// Facts implements wallet.Accounts and claim.Accounts.
func (a *Auth) Facts(ctx context.Context, id, device string) (wallet.Account, error) {
	return account(httpkit.Read[authclient.AccountFacts](a.client.GetAccountFacts(ctx, id, &authclient.GetAccountFactsParams{Device: optional(device)})))
}

// LiveSession implements wallet.Accounts. Only what auth says of the session is
// the caller's to know; nobody's silence is a yes (V20).
func (a *Auth) LiveSession(ctx context.Context, id, session string) error {
	_, err := httpkit.Read[struct{}](a.client.CheckSession(ctx, session, &authclient.CheckSessionParams{Account: id}))
	switch {
	case err == nil:
		return nil
	case fault.From(err).Code == fault.CodeSessionRevoked:
		return wallet.ErrSessionEnded.WithCause(err)
	}
	return silent(err)
}

// RedeemSavedCode implements claim.Accounts. Every refusal is one: the code is
// not valid, whatever auth knows about the account.
func (a *Auth) RedeemSavedCode(ctx context.Context, id string, code secret.String, redemption string) error {
	_, err := httpkit.Read[struct{}](a.client.RedeemSavedCode(ctx, id, authclient.SavedCodeRedemption{Code: code.Reveal(), RedemptionId: redemption}))
	if err == nil {
		return nil
	}
	switch fault.From(err).Kind {
	case fault.KindInternal, fault.KindUnavailable, fault.KindTimeout:
		return silent(err)
	default:
		return wallet.ErrCode.WithCause(err)
	}
}

// ResetPassword implements claim.Accounts. Only a refused password is the
// claimant's to know.
func (a *Auth) ResetPassword(ctx context.Context, id string, password secret.String, reset string, version int64) error {
	_, err := httpkit.Read[struct{}](a.client.ResetPassword(ctx, id, authclient.PasswordReset{NewPassword: password.Reveal(), ResetId: reset, SecurityVersion: version}))
	if err == nil {
		return nil
	}
	switch fault.From(err).Kind {
	case fault.KindInvalid:
		return err
	case fault.KindConflict:
		return claim.ErrChanged.WithCause(err)
	default:
		return silent(err)
	}
}

// silent: whatever went wrong between us and auth, the caller can only try again.
func silent(err error) error { return wallet.ErrUnavailableAuth.WithCause(err) }

func account(f authclient.AccountFacts, err error) (wallet.Account, error) {
	if err != nil {
		return wallet.Account{}, silent(err)
	}
	return wallet.Account{
		Found: f.Found && f.AccountId != nil, ID: value(f.AccountId), Locale: string(value(f.Locale)), DeviceKnown: value(f.DeviceKnown),
		SecurityChangeAt: at(f.LastSecurityChangeAt), ResetAt: at(f.LastResetAt), UnfamiliarAt: at(f.UnfamiliarSignInAt),
		SecurityVersion: value(f.SecurityVersion), ResetIDs: value(f.ResetIds),
	}, nil
}

func at(t *time.Time) time.Time { return value(t).UTC().Truncate(time.Millisecond) }

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Audit is claim.Places over HTTP.
type Audit struct{ client auditclient.Client }

// NewAudit wraps the client of the peer, like NewAuth.
func NewAudit(client *httpkit.Client) *Audit {
	return &Audit{auditclient.Client{Server: "http://audit/", Client: client}}
}

// Familiarity implements claim.Places.
func (a *Audit) Familiarity(ctx context.Context, account, address string) (engine.Known, error) {
	place, err := httpkit.Read[auditclient.Place](a.client.GetPlace(ctx, account, &auditclient.GetPlaceParams{Address: address}))
	if err != nil {
		return engine.Unknown, err
	}
	switch place.Familiarity {
	case auditclient.PlaceFamiliarityFamiliar:
		return engine.Yes, nil
	case auditclient.PlaceFamiliarityUnfamiliar:
		return engine.No, nil
	default:
		return engine.Unknown, nil
	}
}
