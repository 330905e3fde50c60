package httpapi

import (
	"context"
	"net/http"

	"golang.org/x/text/language"

	"centinela/openapi/gen/recoveryapi"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// StartRecovery serves POST /v1/recoveries.
func (a *API) StartRecovery(ctx context.Context, r recoveryapi.StartRecoveryRequestObject) (recoveryapi.StartRecoveryResponseObject, error) {
	var device secret.String
	if r.Body.Device != nil {
		device = secret.NewString(r.Body.Device.Key)
	}
	view, token, err := a.Claims.Start(ctx, origin(ctx), r.Body.Identifier, device)
	return recoveryapi.StartRecovery202JSONResponse{Recovery: wireFlow(view, rawOf(ctx).language), Secret: token.Reveal()}, err
}

// GetRecovery serves GET /v1/recoveries/{recovery_id}.
func (a *API) GetRecovery(ctx context.Context, r recoveryapi.GetRecoveryRequestObject) (recoveryapi.GetRecoveryResponseObject, error) {
	view, err := a.Claims.Look(ctx, r.RecoveryId, rawOf(ctx).secret)
	return recoveryapi.GetRecovery200JSONResponse(wireFlow(view, rawOf(ctx).language)), err
}

// SendRecoveryCode serves POST /v1/recoveries/{recovery_id}/codes.
func (a *API) SendRecoveryCode(ctx context.Context, r recoveryapi.SendRecoveryCodeRequestObject) (recoveryapi.SendRecoveryCodeResponseObject, error) {
	number := ""
	if r.Body != nil && r.Body.Number != nil {
		number = *r.Body.Number
	}
	view, err := a.Claims.SendCode(ctx, origin(ctx), r.RecoveryId, rawOf(ctx).secret, number)
	return recoveryapi.SendRecoveryCode202JSONResponse(wireFlow(view, rawOf(ctx).language)), a.withView(ctx, r.RecoveryId, err)
}

// AddEvidence serves POST /v1/recoveries/{recovery_id}/evidence.
func (a *API) AddEvidence(ctx context.Context, r recoveryapi.AddEvidenceRequestObject) (recoveryapi.AddEvidenceResponseObject, error) {
	view, err := a.Claims.AddEvidence(ctx, origin(ctx), r.RecoveryId, rawOf(ctx).secret, string(r.Body.Method), secret.NewString(r.Body.Code))
	return recoveryapi.AddEvidence200JSONResponse(wireFlow(view, rawOf(ctx).language)), a.withView(ctx, r.RecoveryId, err)
}

// CompleteRecovery serves POST /v1/recoveries/{recovery_id}/completion.
func (a *API) CompleteRecovery(ctx context.Context, r recoveryapi.CompleteRecoveryRequestObject) (recoveryapi.CompleteRecoveryResponseObject, error) {
	view, err := a.Claims.Complete(ctx, origin(ctx), r.RecoveryId, rawOf(ctx).secret, secret.NewString(r.Body.NewPassword))
	return recoveryapi.CompleteRecovery200JSONResponse(wireFlow(view, rawOf(ctx).language)), a.withView(ctx, r.RecoveryId, err)
}

// withView is a refusal with where the recovery stands, for whoever has its
// secret: a client shows the next step without another call (NC A4).
func (a *API) withView(ctx context.Context, recovery string, err error) error {
	f := fault.From(err)
	if f == nil {
		return nil
	}
	if f.Kind.Status() >= http.StatusInternalServerError || f.Kind == fault.KindUnauthenticated {
		return err
	}
	view, lookErr := a.Claims.Look(ctx, recovery, rawOf(ctx).secret)
	if lookErr != nil {
		return err // what was refused counts, not that we can't say more
	}
	return f.WithMember("recovery", wireFlow(view, rawOf(ctx).language))
}

var (
	spoken  = []string{"en", "es"}
	matcher = language.NewMatcher([]language.Tag{language.English, language.Spanish})
)

// languageOf is the one of ours that an Accept-Language header prefers (RFC 9110
// §12.5.4); empty when it names none that is near to one of ours.
func languageOf(header string) string {
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return ""
	}
	_, i, how := matcher.Match(wanted...)
	if how == language.No {
		return ""
	}
	return spoken[i]
}
