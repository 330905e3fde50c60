package sdk

import (
	"context"

	"centinela/openapi/gen/gatewayclient"
)

// Recovery is a way back into an account. Whoever holds its secret goes on with
// it, so keep both until it is over.
type Recovery struct {
	shown
	ID     string
	Secret string
	c      *Client
}

// StartRecovery starts one, from this client's device. The answer is the same
// for any identifier, whether it exists or not.
func (c *Client) StartRecovery(ctx context.Context, identifier string) (*Recovery, RecoveryStatus, error) {
	started, err := read[gatewayclient.StartedRecovery](c.api.StartRecovery(ctx, gatewayclient.NewRecovery{Identifier: identifier, Device: c.deviceModel()}))
	if err != nil {
		return nil, RecoveryStatus{}, err
	}
	return c.ResumeRecovery(started.Recovery.Id, started.Secret), started.Recovery, nil
}

// ResumeRecovery goes on with one that was started before. It makes no call.
func (c *Client) ResumeRecovery(id, secret string) *Recovery {
	return &Recovery{shown: shown(id), ID: id, Secret: secret, c: c}
}

func (r *Recovery) auth() gatewayclient.RequestEditorFn { return authorize("Recovery " + r.Secret) }

// State says where it stands, and what would bring it further.
func (r *Recovery) State(ctx context.Context) (RecoveryStatus, error) {
	return read[RecoveryStatus](r.c.api.GetRecovery(ctx, r.ID, r.auth()))
}

// SendCode has a code sent: to the oldest number that may recover (R6.1), or to
// the number given in full, if it is bound to the account. The answer doesn't
// tell whether a text was sent.
func (r *Recovery) SendCode(ctx context.Context, number string) (RecoveryStatus, error) {
	var body gatewayclient.RecoveryCodeRequest
	if number != "" {
		body.Number = &number
	}
	return read[RecoveryStatus](r.c.api.SendRecoveryCode(ctx, r.ID, body, r.auth()))
}

// Evidence brings one: the code of a text (SMS), or a saved code (SavedCode).
func (r *Recovery) Evidence(ctx context.Context, method gatewayclient.EvidenceMethod, code string) (RecoveryStatus, error) {
	return read[RecoveryStatus](r.c.api.AddEvidence(ctx, r.ID, gatewayclient.Evidence{Method: method, Code: code}, r.auth()))
}

// Complete sets the new password and ends all sessions; 409
// recovery_not_allowed_yet, with Problem.Recovery, until the decision allows it.
func (r *Recovery) Complete(ctx context.Context, newPassword string) (RecoveryStatus, error) {
	return read[RecoveryStatus](r.c.api.CompleteRecovery(ctx, r.ID, gatewayclient.Completion{NewPassword: newPassword}, r.auth()))
}

// Veto objects to a recovery with the token of a text's link, and says what that
// did: only an objection to one evidence stops it (design: recovery V8).
func (c *Client) Veto(ctx context.Context, token string) (Objection, error) {
	return read[Objection](c.api.VetoRecovery(ctx, gatewayclient.Veto{Token: token}))
}

// StopRecovery ends a recovery of one's own account; one that is over stays as it is.
func (s *Session) StopRecovery(ctx context.Context, id string) error {
	_, err := read[struct{}](s.api.StopMyRecovery(ctx, id))
	return err
}

// Recoveries are the newest 20 that were tried on one's account, and why they
// were decided so.
func (s *Session) Recoveries(ctx context.Context) ([]OwnRecovery, error) {
	list, err := read[gatewayclient.OwnRecoveryList](s.api.ListMyRecoveries(ctx))
	return list.Recoveries, err
}
