package httpapi

import (
	"context"
	"time"

	"centinela/openapi/gen/authapi"
	"centinela/shared/httpkit"
	"centinela/shared/secret"
)

func (a *API) GetJwks(ctx context.Context, _ authapi.GetJwksRequestObject) (authapi.GetJwksResponseObject, error) {
	keys, err := a.keys.Keys(ctx)
	if err != nil {
		return nil, err
	}
	set, err := jwksWire(keys)
	return authapi.GetJwks200JSONResponse(set), err
}

func (a *API) LookupAccount(ctx context.Context, r authapi.LookupAccountRequestObject) (authapi.LookupAccountResponseObject, error) {
	facts, found, err := a.service.Lookup(ctx, r.Body.Identifier, given(r.Body.Device))
	if err != nil {
		return nil, err
	}
	return authapi.LookupAccount200JSONResponse(factsWire(httpkit.RequestOf(ctx).Caller, facts, found)), nil
}

func (a *API) GetAccountFacts(ctx context.Context, r authapi.GetAccountFactsRequestObject) (authapi.GetAccountFactsResponseObject, error) {
	facts, found, err := a.service.FactsOf(ctx, r.AccountId, given(r.Params.Device))
	if err != nil {
		return nil, err
	}
	return authapi.GetAccountFacts200JSONResponse(factsWire(httpkit.RequestOf(ctx).Caller, facts, found)), nil
}

func (a *API) RedeemSavedCode(ctx context.Context, r authapi.RedeemSavedCodeRequestObject) (authapi.RedeemSavedCodeResponseObject, error) {
	if err := a.service.Redeem(ctx, r.AccountId, r.Body.RedemptionId, r.Body.Code, originOf(ctx)); err != nil {
		return nil, err
	}
	return authapi.RedeemSavedCode204Response{}, nil
}

func (a *API) ResetPassword(ctx context.Context, r authapi.ResetPasswordRequestObject) (authapi.ResetPasswordResponseObject, error) {
	if err := a.service.Reset(ctx, r.AccountId, r.Body.ResetId, r.Body.SecurityVersion, secret.NewString(r.Body.NewPassword), originOf(ctx)); err != nil {
		return nil, err
	}
	return authapi.ResetPassword204Response{}, nil
}

func (a *API) CheckSession(ctx context.Context, r authapi.CheckSessionRequestObject) (authapi.CheckSessionResponseObject, error) {
	if err := a.service.Live(ctx, r.Params.Account, r.SessionId); err != nil {
		return nil, err
	}
	return authapi.CheckSession204Response{}, nil
}

func (a *API) WatchRevocations(ctx context.Context, r authapi.WatchRevocationsRequestObject) (authapi.WatchRevocationsResponseObject, error) {
	wait := 0
	if r.Params.WaitMs != nil {
		wait = *r.Params.WaitMs
	}
	page, err := a.ended.Read(ctx, given(r.Params.Since), time.Duration(wait)*time.Millisecond)
	if err != nil {
		return nil, err
	}
	return authapi.WatchRevocations200JSONResponse(revocationsWire(page)), nil
}
