package roomtest

import (
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/shared/secret"
)

// Attempt is a recovery from its claimant's side.
type Attempt struct {
	d     *Desk
	ID    string
	Token secret.String
}

// Start begins one from a device that nobody knows.
func (d *Desk) Start(identifier string) Attempt {
	d.T.Helper()
	v, token, err := d.Claims.Start(d.T.Context(), Home, identifier, secret.String{})
	d.Must(err)
	return Attempt{d, v.ID, token}
}

// StartFrom begins one from a device of that key.
func (d *Desk) StartFrom(device string) Attempt {
	d.T.Helper()
	v, token, err := d.Claims.Start(d.T.Context(), Home, Name, secret.NewString(device))
	d.Must(err)
	return Attempt{d, v.ID, token}
}

// SendCode asks for a code, to the oldest number when nothing is typed.
func (a Attempt) SendCode(typed string) error {
	_, err := a.d.Claims.SendCode(a.d.T.Context(), Home, a.ID, a.Token, typed)
	return err
}

// Evidence brings one.
func (a Attempt) Evidence(method, code string) (claim.View, error) {
	return a.d.Claims.AddEvidence(a.d.T.Context(), Home, a.ID, a.Token, method, secret.NewString(code))
}

// CodeFor asks for a code and reads it at number.
func (a Attempt) CodeFor(typed, number string) string {
	a.d.T.Helper()
	a.d.SendDue()
	a.d.Clock.Advance(time.Millisecond) // so that this one is the newest
	a.d.Must(a.SendCode(typed))
	return a.d.Codes(number)[0]
}

// BySMS brings a code that went to number.
func (a Attempt) BySMS(number string) claim.View {
	a.d.T.Helper()
	v, err := a.Evidence(engine.SMS, a.CodeFor(number, number))
	a.d.Must(err)
	return v
}

// BySavedCode brings the owner's saved code.
func (a Attempt) BySavedCode() claim.View {
	a.d.T.Helper()
	v, err := a.Evidence(engine.SavedCode, Saved)
	a.d.Must(err)
	return v
}

// Complete sets the password.
func (a Attempt) Complete() error {
	_, err := a.d.Claims.Complete(a.d.T.Context(), Home, a.ID, a.Token, secret.NewString(Password))
	return err
}

// Look is where it stands.
func (a Attempt) Look() claim.View {
	a.d.T.Helper()
	v, err := a.d.Claims.Look(a.d.T.Context(), a.ID, a.Token)
	a.d.Must(err)
	return v
}

// Is fails the test unless the claimant sees that state.
func (a Attempt) Is(state claim.FlowState) {
	a.d.T.Helper()
	if v := a.Look(); v.State != state {
		a.d.T.Errorf("the recovery is %s, want %s", v.State, state)
	}
}

// Flow is the recovery as it is stored.
func (a Attempt) Flow() claim.Flow {
	a.d.T.Helper()
	f, err := a.d.Store.Flow(a.d.T.Context(), a.ID)
	a.d.Must(err)
	return f
}

// With is the attempt of somebody who has another id or secret.
func (a Attempt) With(id string, token secret.String) Attempt { return Attempt{a.d, id, token} }
