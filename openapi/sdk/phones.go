package sdk

import (
	"context"
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
	return read[Phone](p.s.api.AddPhone(ctx, gatewayclient.NewPhone{Number: number}))
}

// Verify proves a number with the code that it got.
func (p Phones) Verify(ctx context.Context, id, code string) (Phone, error) {
	return read[Phone](p.s.api.VerifyPhone(ctx, id, gatewayclient.CodeProof{Code: code}))
}

// SendCode sends a code to a number, to prove it for the first time or again. It
// returns how long to wait before asking for another.
func (p Phones) SendCode(ctx context.Context, id string) (time.Duration, error) {
	sent, err := read[gatewayclient.CodeSent](p.s.api.SendPhoneCode(ctx, id))
	return time.Duration(sent.ResendAfter) * time.Second, err
}

// List returns the numbers, oldest first.
func (p Phones) List(ctx context.Context) ([]Phone, error) {
	list, err := read[gatewayclient.PhoneList](p.s.api.ListPhones(ctx))
	return list.Phones, err
}

// Retire asks for a number's removal (fresh sign-in). It keeps its recovery
// powers for 7 days, the oldest for 30 (design: recovery V5).
func (p Phones) Retire(ctx context.Context, id string) (Phone, error) {
	return read[Phone](p.s.api.RetirePhone(ctx, id))
}

// Keep cancels a removal (fresh sign-in).
func (p Phones) Keep(ctx context.Context, id string) (Phone, error) {
	return read[Phone](p.s.api.KeepPhone(ctx, id))
}
