package httpapi

import (
	"context"

	"centinela/openapi/gen/authapi"
	"centinela/services/auth/internal/account"
	"centinela/shared/secret"
)

func (a *API) CreateAccount(ctx context.Context, r authapi.CreateAccountRequestObject) (authapi.CreateAccountResponseObject, error) {
	made, codes, err := a.service.SignUp(ctx, newAccountOf(*r.Body), originOf(ctx))
	if err != nil {
		return nil, err
	}
	return authapi.CreateAccount201JSONResponse{
		Account: accountWire(made), SavedCodes: codesWire(codes), Advice: account.Advice(made.Locale),
	}, nil
}

func (a *API) CreateSession(ctx context.Context, r authapi.CreateSessionRequestObject) (authapi.CreateSessionResponseObject, error) {
	tokens, err := a.service.SignIn(ctx, signInOf(*r.Body), originOf(ctx))
	if err != nil {
		return nil, err
	}
	return authapi.CreateSession201JSONResponse(tokensWire(tokens)), nil
}

func (a *API) RefreshSession(ctx context.Context, r authapi.RefreshSessionRequestObject) (authapi.RefreshSessionResponseObject, error) {
	tokens, err := a.service.Refresh(ctx, secret.NewString(r.Body.RefreshToken), secret.NewString(given(r.Body.DeviceKey)), originOf(ctx))
	if err != nil {
		return nil, err
	}
	return authapi.RefreshSession200JSONResponse(tokensWire(tokens)), nil
}

func (a *API) ListSessions(ctx context.Context, _ authapi.ListSessionsRequestObject) (authapi.ListSessionsResponseObject, error) {
	person := personOf(ctx)
	sessions, err := a.service.Sessions(ctx, person)
	if err != nil {
		return nil, err
	}
	return authapi.ListSessions200JSONResponse(sessionsWire(sessions, person.Session)), nil
}

func (a *API) RevokeOtherSessions(ctx context.Context, _ authapi.RevokeOtherSessionsRequestObject) (authapi.RevokeOtherSessionsResponseObject, error) {
	n, err := a.service.RevokeOthers(ctx, personOf(ctx), originOf(ctx))
	if err != nil {
		return nil, err
	}
	return authapi.RevokeOtherSessions200JSONResponse{Revoked: n}, nil
}

func (a *API) RevokeSession(ctx context.Context, r authapi.RevokeSessionRequestObject) (authapi.RevokeSessionResponseObject, error) {
	if err := a.service.Revoke(ctx, personOf(ctx), r.SessionId, originOf(ctx)); err != nil {
		return nil, err
	}
	return authapi.RevokeSession204Response{}, nil
}

func (a *API) GetMe(ctx context.Context, _ authapi.GetMeRequestObject) (authapi.GetMeResponseObject, error) {
	me, err := a.service.Me(ctx, personOf(ctx))
	if err != nil {
		return nil, err
	}
	return authapi.GetMe200JSONResponse(accountWire(me)), nil
}

func (a *API) ChangePassword(ctx context.Context, r authapi.ChangePasswordRequestObject) (authapi.ChangePasswordResponseObject, error) {
	current, fresh := secret.NewString(r.Body.CurrentPassword), secret.NewString(r.Body.NewPassword)
	if err := a.service.ChangePassword(ctx, personOf(ctx), current, fresh, originOf(ctx)); err != nil {
		return nil, err
	}
	return authapi.ChangePassword204Response{}, nil
}

func (a *API) IssueSavedCodes(ctx context.Context, _ authapi.IssueSavedCodesRequestObject) (authapi.IssueSavedCodesResponseObject, error) {
	codes, err := a.service.IssueSavedCodes(ctx, personOf(ctx), originOf(ctx))
	if err != nil {
		return nil, err
	}
	return authapi.IssueSavedCodes201JSONResponse{SavedCodes: codesWire(codes)}, nil
}
