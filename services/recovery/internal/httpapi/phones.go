package httpapi

import (
	"context"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/recovery"
	"centinela/shared/httpkit"
	"centinela/shared/secret"
)

// ListPhones serves GET /v1/me/phones.
func (a *API) ListPhones(ctx context.Context, _ recoveryapi.ListPhonesRequestObject) (recoveryapi.ListPhonesResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phones, err := a.Recovery.Phones(ctx, who)
	if err != nil {
		return nil, err
	}
	return recoveryapi.ListPhones200JSONResponse{Phones: wirePhones(phones)}, nil
}

// AddPhone serves POST /v1/me/phones.
func (a *API) AddPhone(ctx context.Context, r recoveryapi.AddPhoneRequestObject) (recoveryapi.AddPhoneResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.Recovery.AddPhone(ctx, who, origin(ctx), r.Body.Number)
	if err != nil {
		return nil, err
	}
	return recoveryapi.AddPhone201JSONResponse(wirePhone(phone)), nil
}

// RetirePhone serves DELETE /v1/me/phones/{phone_id}.
func (a *API) RetirePhone(ctx context.Context, r recoveryapi.RetirePhoneRequestObject) (recoveryapi.RetirePhoneResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.Recovery.RetirePhone(ctx, who, origin(ctx), r.PhoneId)
	if err != nil {
		return nil, err
	}
	return recoveryapi.RetirePhone200JSONResponse(wirePhone(phone)), nil
}

// KeepPhone serves POST /v1/me/phones/{phone_id}/kept.
func (a *API) KeepPhone(ctx context.Context, r recoveryapi.KeepPhoneRequestObject) (recoveryapi.KeepPhoneResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.Recovery.KeepPhone(ctx, who, origin(ctx), r.PhoneId)
	if err != nil {
		return nil, err
	}
	return recoveryapi.KeepPhone200JSONResponse(wirePhone(phone)), nil
}

// SendPhoneCode serves POST /v1/me/phones/{phone_id}/codes.
func (a *API) SendPhoneCode(ctx context.Context, r recoveryapi.SendPhoneCodeRequestObject) (recoveryapi.SendPhoneCodeResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	next, err := a.Recovery.SendPhoneCode(ctx, who, origin(ctx), r.PhoneId)
	if err != nil {
		return nil, err
	}
	return recoveryapi.SendPhoneCode202JSONResponse{ResendAfter: seconds(next)}, nil
}

// VerifyPhone serves POST /v1/me/phones/{phone_id}/verification.
func (a *API) VerifyPhone(ctx context.Context, r recoveryapi.VerifyPhoneRequestObject) (recoveryapi.VerifyPhoneResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	phone, err := a.Recovery.VerifyPhone(ctx, who, origin(ctx), r.PhoneId, secret.NewString(r.Body.Code))
	if err != nil {
		return nil, err
	}
	return recoveryapi.VerifyPhone200JSONResponse(wirePhone(phone)), nil
}

// ListMyRecoveries serves GET /v1/me/recoveries.
func (a *API) ListMyRecoveries(ctx context.Context, _ recoveryapi.ListMyRecoveriesRequestObject) (recoveryapi.ListMyRecoveriesResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	who, err := person(ctx)
	if err != nil {
		return nil, err
	}
	flows, err := a.Recovery.OwnFlows(ctx, who)
	if err != nil {
		return nil, err
	}
	return recoveryapi.ListMyRecoveries200JSONResponse{Recoveries: wireOwnFlows(flows)}, nil
}

func wirePhones(phones []recovery.PhoneView) []recoveryapi.Phone {
	all := make([]recoveryapi.Phone, 0, len(phones))
	for _, p := range phones {
		all = append(all, wirePhone(p))
	}
	return all
}
