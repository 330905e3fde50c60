package httpapi

import (
	"context"

	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/secret"
)

// ListPhones serves GET /v1/me/phones.
func (a *API) ListPhones(ctx context.Context, _ recoveryapi.ListPhonesRequestObject) (recoveryapi.ListPhonesResponseObject, error) {
	phones, err := a.Wallets.List(ctx, person(ctx).Account)
	return recoveryapi.ListPhones200JSONResponse{Phones: each(phones, wirePhone)}, err
}

// AddPhone serves POST /v1/me/phones.
func (a *API) AddPhone(ctx context.Context, r recoveryapi.AddPhoneRequestObject) (recoveryapi.AddPhoneResponseObject, error) {
	phone, err := a.Wallets.Add(ctx, person(ctx), origin(ctx), r.Body.Number)
	return recoveryapi.AddPhone201JSONResponse(wirePhone(phone)), err
}

// RetirePhone serves DELETE /v1/me/phones/{phone_id}.
func (a *API) RetirePhone(ctx context.Context, r recoveryapi.RetirePhoneRequestObject) (recoveryapi.RetirePhoneResponseObject, error) {
	phone, err := a.Wallets.Retire(ctx, person(ctx), origin(ctx), r.PhoneId)
	return recoveryapi.RetirePhone200JSONResponse(wirePhone(phone)), err
}

// KeepPhone serves POST /v1/me/phones/{phone_id}/kept.
func (a *API) KeepPhone(ctx context.Context, r recoveryapi.KeepPhoneRequestObject) (recoveryapi.KeepPhoneResponseObject, error) {
	phone, err := a.Wallets.Keep(ctx, person(ctx), origin(ctx), r.PhoneId)
	return recoveryapi.KeepPhone200JSONResponse(wirePhone(phone)), err
}

// SendPhoneCode serves POST /v1/me/phones/{phone_id}/codes.
func (a *API) SendPhoneCode(ctx context.Context, r recoveryapi.SendPhoneCodeRequestObject) (recoveryapi.SendPhoneCodeResponseObject, error) {
	next, err := a.Wallets.SendCode(ctx, person(ctx), r.PhoneId)
	return recoveryapi.SendPhoneCode202JSONResponse{ResendAfter: seconds(next)}, err
}

// VerifyPhone serves POST /v1/me/phones/{phone_id}/verification.
func (a *API) VerifyPhone(ctx context.Context, r recoveryapi.VerifyPhoneRequestObject) (recoveryapi.VerifyPhoneResponseObject, error) {
	phone, err := a.Wallets.Prove(ctx, person(ctx), origin(ctx), r.PhoneId, secret.NewString(r.Body.Code))
	return recoveryapi.VerifyPhone200JSONResponse(wirePhone(phone)), err
}

// ListMyRecoveries serves GET /v1/me/recoveries.
func (a *API) ListMyRecoveries(ctx context.Context, _ recoveryapi.ListMyRecoveriesRequestObject) (recoveryapi.ListMyRecoveriesResponseObject, error) {
	flows, err := a.Owners.Flows(ctx, person(ctx).Account)
	return recoveryapi.ListMyRecoveries200JSONResponse{Recoveries: each(flows, wireOwnFlow)}, err
}

// VetoRecovery serves POST /v1/recoveries/veto.
func (a *API) VetoRecovery(ctx context.Context, r recoveryapi.VetoRecoveryRequestObject) (recoveryapi.VetoRecoveryResponseObject, error) {
	said, err := a.Objections.ByToken(ctx, origin(ctx), secret.NewString(r.Body.Token))
	return recoveryapi.VetoRecovery200JSONResponse{Outcome: recoveryapi.ObjectionOutcome(said.Did), EarliestAt: moment(said.EarliestAt)}, err
}

// StopMyRecovery serves DELETE /v1/me/recoveries/{recovery_id}.
func (a *API) StopMyRecovery(ctx context.Context, r recoveryapi.StopMyRecoveryRequestObject) (recoveryapi.StopMyRecoveryResponseObject, error) {
	return recoveryapi.StopMyRecovery204Response{}, a.Objections.ByOwner(ctx, person(ctx), origin(ctx), r.RecoveryId)
}
