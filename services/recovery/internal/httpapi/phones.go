package httpapi

import (
	"context"

	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/secret"
)

// ListPhones serves GET /v1/me/phones.
func (a *API) ListPhones(ctx context.Context, _ recoveryapi.ListPhonesRequestObject) (recoveryapi.ListPhonesResponseObject, error) {
	who, _, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phones, err := a.o.Wallets.List(ctx, who.Account)
	return recoveryapi.ListPhones200JSONResponse{Phones: wirePhones(phones)}, err
}

// AddPhone serves POST /v1/me/phones.
func (a *API) AddPhone(ctx context.Context, r recoveryapi.AddPhoneRequestObject) (recoveryapi.AddPhoneResponseObject, error) {
	who, o, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.o.Wallets.Add(ctx, who, o, r.Body.Number)
	return recoveryapi.AddPhone201JSONResponse(wirePhone(phone)), err
}

// RetirePhone serves DELETE /v1/me/phones/{phone_id}.
func (a *API) RetirePhone(ctx context.Context, r recoveryapi.RetirePhoneRequestObject) (recoveryapi.RetirePhoneResponseObject, error) {
	who, o, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.o.Wallets.Retire(ctx, who, o, r.PhoneId)
	return recoveryapi.RetirePhone200JSONResponse(wirePhone(phone)), err
}

// KeepPhone serves POST /v1/me/phones/{phone_id}/kept.
func (a *API) KeepPhone(ctx context.Context, r recoveryapi.KeepPhoneRequestObject) (recoveryapi.KeepPhoneResponseObject, error) {
	who, o, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.o.Wallets.Keep(ctx, who, o, r.PhoneId)
	return recoveryapi.KeepPhone200JSONResponse(wirePhone(phone)), err
}

// SendPhoneCode serves POST /v1/me/phones/{phone_id}/codes.
func (a *API) SendPhoneCode(ctx context.Context, r recoveryapi.SendPhoneCodeRequestObject) (recoveryapi.SendPhoneCodeResponseObject, error) {
	who, _, err := person(ctx)
	if err != nil {
		return nil, err
	}
	next, err := a.o.Wallets.SendCode(ctx, who, r.PhoneId)
	return recoveryapi.SendPhoneCode202JSONResponse{ResendAfter: seconds(next)}, err
}

// VerifyPhone serves POST /v1/me/phones/{phone_id}/verification.
func (a *API) VerifyPhone(ctx context.Context, r recoveryapi.VerifyPhoneRequestObject) (recoveryapi.VerifyPhoneResponseObject, error) {
	who, o, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.o.Wallets.Prove(ctx, who, o, r.PhoneId, secret.NewString(r.Body.Code))
	return recoveryapi.VerifyPhone200JSONResponse(wirePhone(phone)), err
}

// ListMyRecoveries serves GET /v1/me/recoveries.
func (a *API) ListMyRecoveries(ctx context.Context, _ recoveryapi.ListMyRecoveriesRequestObject) (recoveryapi.ListMyRecoveriesResponseObject, error) {
	who, _, err := person(ctx)
	if err != nil {
		return nil, err
	}
	flows, err := a.o.Claims.OwnFlows(ctx, who.Account)
	return recoveryapi.ListMyRecoveries200JSONResponse{Recoveries: wireOwnFlows(flows)}, err
}
