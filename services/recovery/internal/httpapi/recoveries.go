package httpapi

import (
	"context"

	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/httpkit"
	"centinela/shared/secret"
)

// StartRecovery serves POST /v1/recoveries.
func (a *API) StartRecovery(ctx context.Context, r recoveryapi.StartRecoveryRequestObject) (recoveryapi.StartRecoveryResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	var device secret.String
	if r.Body.Device != nil {
		device = secret.NewString(r.Body.Device.Key)
	}
	view, token, err := a.Recovery.Start(ctx, origin(ctx), r.Body.Identifier, device)
	if err != nil {
		return nil, err
	}
	return recoveryapi.StartRecovery202JSONResponse{Recovery: wireFlow(view), Secret: token.Reveal()}, nil
}

// GetRecovery serves GET /v1/recoveries/{recovery_id}.
func (a *API) GetRecovery(ctx context.Context, r recoveryapi.GetRecoveryRequestObject) (recoveryapi.GetRecoveryResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	view, err := a.Recovery.Look(ctx, r.RecoveryId, rawOf(ctx).secret)
	if err != nil {
		return nil, err
	}
	return recoveryapi.GetRecovery200JSONResponse(wireFlow(view)), nil
}

// SendRecoveryCode serves POST /v1/recoveries/{recovery_id}/codes.
func (a *API) SendRecoveryCode(ctx context.Context, r recoveryapi.SendRecoveryCodeRequestObject) (recoveryapi.SendRecoveryCodeResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	number := ""
	if r.Body != nil && r.Body.Number != nil {
		number = *r.Body.Number
	}
	view, err := a.Recovery.SendCode(ctx, origin(ctx), r.RecoveryId, rawOf(ctx).secret, number)
	if err != nil {
		return nil, err
	}
	return recoveryapi.SendRecoveryCode202JSONResponse(wireFlow(view)), nil
}

// AddEvidence serves POST /v1/recoveries/{recovery_id}/evidence.
func (a *API) AddEvidence(ctx context.Context, r recoveryapi.AddEvidenceRequestObject) (recoveryapi.AddEvidenceResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	view, err := a.Recovery.AddEvidence(ctx, origin(ctx), r.RecoveryId, rawOf(ctx).secret, string(r.Body.Method), secret.NewString(r.Body.Code))
	if err != nil {
		return nil, err
	}
	return recoveryapi.AddEvidence200JSONResponse(wireFlow(view)), nil
}

// CompleteRecovery serves POST /v1/recoveries/{recovery_id}/completion.
func (a *API) CompleteRecovery(ctx context.Context, r recoveryapi.CompleteRecoveryRequestObject) (recoveryapi.CompleteRecoveryResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	view, err := a.Recovery.Complete(ctx, origin(ctx), r.RecoveryId, rawOf(ctx).secret, secret.NewString(r.Body.NewPassword))
	if err != nil {
		return nil, err
	}
	return recoveryapi.CompleteRecovery200JSONResponse(wireFlow(view)), nil
}

// VetoRecovery serves POST /v1/recoveries/veto.
func (a *API) VetoRecovery(ctx context.Context, r recoveryapi.VetoRecoveryRequestObject) (recoveryapi.VetoRecoveryResponseObject, error) {
	ctx = httpkit.Plain(ctx)
	if err := a.Recovery.VetoByToken(ctx, origin(ctx), secret.NewString(r.Body.Token)); err != nil {
		return nil, err
	}
	return recoveryapi.VetoRecovery204Response{}, nil
}
