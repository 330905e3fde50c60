package sdk

import (
	"context"
	"net/http"
	"time"

	"centinela/openapi/gen/gatewayclient"
)

// Phones are the numbers of a signed-in person.
type Phones struct{ s *Session }

// Phones of this session's account.
func (s *Session) Phones() Phones { return Phones{s} }

// Add adds a number in international form (fresh sign-in); a code is sent to it.
// It is pending for 15 minutes.
func (p Phones) Add(ctx context.Context, number string) (Phone, error) {
	return as[Phone](ctx, p.s, http.StatusCreated, func(auth gatewayclient.RequestEditorFn) (*http.Response, error) {
		return p.s.c.api.AddPhone(ctx, gatewayclient.NewPhone{Number: number}, auth)
	})
}

// Verify proves a number with the code that it got.
func (p Phones) Verify(ctx context.Context, id, code string) (Phone, error) {
	return as[Phone](ctx, p.s, http.StatusOK, func(auth gatewayclient.RequestEditorFn) (*http.Response, error) {
		return p.s.c.api.VerifyPhone(ctx, id, gatewayclient.CodeProof{Code: code}, auth)
	})
}

// SendCode sends a code to a number, to prove it for the first time or again. It
// returns how long to wait before asking for another.
func (p Phones) SendCode(ctx context.Context, id string) (time.Duration, error) {
	sent, err := as[gatewayclient.CodeSent](ctx, p.s, http.StatusAccepted, func(auth gatewayclient.RequestEditorFn) (*http.Response, error) {
		return p.s.c.api.SendPhoneCode(ctx, id, auth)
	})
	return time.Duration(sent.ResendAfter) * time.Second, err
}

// List returns the numbers, oldest first.
func (p Phones) List(ctx context.Context) ([]Phone, error) {
	list, err := as[gatewayclient.PhoneList](ctx, p.s, http.StatusOK, func(auth gatewayclient.RequestEditorFn) (*http.Response, error) {
		return p.s.c.api.ListPhones(ctx, auth)
	})
	return list.Phones, err
}

// Retire asks for a number's removal (fresh sign-in). It keeps its recovery
// powers for 7 days, the oldest for 30 (design: recovery V5).
func (p Phones) Retire(ctx context.Context, id string) (Phone, error) {
	return as[Phone](ctx, p.s, http.StatusOK, func(auth gatewayclient.RequestEditorFn) (*http.Response, error) {
		return p.s.c.api.RetirePhone(ctx, id, auth)
	})
}

// Keep cancels a removal (fresh sign-in).
func (p Phones) Keep(ctx context.Context, id string) (Phone, error) {
	return as[Phone](ctx, p.s, http.StatusOK, func(auth gatewayclient.RequestEditorFn) (*http.Response, error) {
		return p.s.c.api.KeepPhone(ctx, id, auth)
	})
}
