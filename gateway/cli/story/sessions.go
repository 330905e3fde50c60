package story

import (
	"context"
	"fmt"
	"slices"

	"centinela/openapi/sdk"
)

func (p *play) refresh(ctx context.Context) error {
	session, err := p.ana.client.SignIn(ctx, p.ana.name, p.ana.password)
	if err != nil {
		return err
	}
	spent := session.Tokens()
	if err := session.Refresh(ctx); err != nil {
		return err
	}
	if now := session.Tokens(); now.Refresh == spent.Refresh || now.Session != spent.Session {
		return differs("another refresh token of the same session", "the same token, or another session")
	}
	if _, err := session.Me(ctx); err != nil {
		return err
	}
	thief, err := p.client(v6())
	if err != nil {
		return err
	}
	defer thief.CloseIdle()
	if err := refused(thief.Restore(spent).Refresh(ctx), sdk.CodeTokenInvalid, "the spent refresh token"); err != nil {
		return err
	}
	return p.dead(ctx, session, "the session whose token was stolen")
}

// dead holds that a session is refused within a second.
func (p *play) dead(ctx context.Context, session *sdk.Session, what string) error {
	return refusedWithin(ctx, p.opts.Patience, sdk.CodeSessionRevoked, what, func() error {
		_, err := session.Me(ctx)
		return err
	})
}

func (p *play) revoke(ctx context.Context) error {
	laptop, err := p.ana.client.With(sdk.WithDeviceKey(sdk.NewDeviceKey()), sdk.WithDeviceName("ana's laptop"))
	if err != nil {
		return err
	}
	other, err := laptop.SignIn(ctx, p.ana.name, p.ana.password)
	if err != nil {
		return err
	}
	id := other.Tokens().Session
	list, err := p.ana.session.Sessions(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(s sdk.SessionInfo) bool { return s.Id == id })
	if i < 0 || list[i].Current || list[i].DeviceName == nil || *list[i].DeviceName != "ana's laptop" {
		return differs("ana's laptop among her sessions", fmt.Sprintf("%d sessions without it", len(list)))
	}
	if err := p.ana.session.RevokeSession(ctx, id); err != nil {
		return err
	}
	if err := p.dead(ctx, other, "the revoked session"); err != nil {
		return err
	}
	if _, err := p.ana.session.Me(ctx); err != nil {
		return fmt.Errorf("the other session should live: %w", err)
	}
	list, err = p.ana.session.Sessions(ctx)
	if err != nil {
		return err
	}
	gone := !slices.ContainsFunc(list, func(s sdk.SessionInfo) bool { return s.Id == id })
	return holds(gone, "the revoked session gone from the list", "it is still there")
}
