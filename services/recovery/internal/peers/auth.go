package peers

import (
	"context"
	"net/http"
	"time"

	"centinela/openapi/gen/authclient"
	"centinela/services/recovery/internal/recovery"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/secret"
)

// Auth is recovery.Accounts over HTTP.
type Auth struct {
	client *authclient.ClientWithResponses
}

var _ recovery.Accounts = (*Auth)(nil)

// NewAuth wraps the client of the peer, which finds its address at each call.
func NewAuth(client *httpkit.Client) (*Auth, error) {
	c, err := authclient.NewClientWithResponses("http://auth", authclient.WithHTTPClient(client))
	if err != nil {
		return nil, err
	}
	return &Auth{client: c}, nil
}

// Lookup implements recovery.Accounts.
func (a *Auth) Lookup(ctx context.Context, identifier, device string) (recovery.Account, error) {
	answer, err := a.client.LookupAccountWithResponse(ctx, authclient.AccountLookup{Identifier: identifier, Device: optional(device)})
	if err != nil {
		return recovery.Account{}, silent(err)
	}
	if err := httpkit.Expect(answer.StatusCode(), answer.HTTPResponse.Header, answer.Body, http.StatusOK); err != nil {
		return recovery.Account{}, silent(err)
	}
	return account(answer.JSON200), nil
}

// Facts implements recovery.Accounts.
func (a *Auth) Facts(ctx context.Context, id, device string) (recovery.Account, error) {
	answer, err := a.client.GetAccountFactsWithResponse(ctx, id, &authclient.GetAccountFactsParams{Device: optional(device)})
	if err != nil {
		return recovery.Account{}, silent(err)
	}
	if err := httpkit.Expect(answer.StatusCode(), answer.HTTPResponse.Header, answer.Body, http.StatusOK); err != nil {
		return recovery.Account{}, silent(err)
	}
	return account(answer.JSON200), nil
}

// RedeemSavedCode implements recovery.Accounts. Every refusal is one: the code is
// not valid, whatever auth knows about the account.
func (a *Auth) RedeemSavedCode(ctx context.Context, id string, code secret.String, redemption string) error {
	answer, err := a.client.RedeemSavedCodeWithResponse(ctx, id, authclient.SavedCodeRedemption{Code: code.Reveal(), RedemptionId: redemption})
	if err != nil {
		return silent(err)
	}
	err = httpkit.Expect(answer.StatusCode(), answer.HTTPResponse.Header, answer.Body, http.StatusNoContent)
	if err == nil {
		return nil
	}
	switch fault.From(err).Kind {
	case fault.KindInternal, fault.KindUnavailable, fault.KindTimeout:
		return silent(err)
	}
	return recovery.ErrCode.WithCause(err)
}

// ResetPassword implements recovery.Accounts. Only a refused password is the
// claimant's to know.
func (a *Auth) ResetPassword(ctx context.Context, id string, password secret.String, reset string) error {
	facts, err := a.client.GetAccountFactsWithResponse(ctx, id, &authclient.GetAccountFactsParams{})
	if err != nil {
		return silent(err)
	}
	version := int64(1)
	if facts.JSON200 != nil && facts.JSON200.SecurityVersion != nil {
		version = *facts.JSON200.SecurityVersion
	}
	answer, err := a.client.ResetPasswordWithResponse(ctx, id, authclient.PasswordReset{NewPassword: password.Reveal(), ResetId: reset, SecurityVersion: version})
	if err != nil {
		return silent(err)
	}
	err = httpkit.Expect(answer.StatusCode(), answer.HTTPResponse.Header, answer.Body, http.StatusNoContent)
	if err == nil || fault.From(err).Kind == fault.KindInvalid {
		return err
	}
	return silent(err)
}

// silent: whatever went wrong between us and auth, the caller can only try again.
func silent(err error) error { return recovery.ErrUnavailableAuth.WithCause(err) }

func account(f *authclient.AccountFacts) recovery.Account {
	if f == nil {
		return recovery.Account{}
	}
	a := recovery.Account{
		Found: f.Found && f.AccountId != nil, SecurityChangeAt: at(f.LastSecurityChangeAt), ResetAt: at(f.LastResetAt), UnfamiliarAt: at(f.UnfamiliarSignInAt),
	}
	if f.AccountId != nil {
		a.ID = *f.AccountId
	}
	if f.Locale != nil {
		a.Locale = string(*f.Locale)
	}
	a.DeviceKnown = f.DeviceKnown != nil && *f.DeviceKnown
	return a
}

func at(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
