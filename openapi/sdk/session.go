package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"centinela/openapi/gen/gatewayclient"
)

const (
	// early is how long before its end an access token is refreshed.
	early = 30 * time.Second
	// The server answers a refresh token that is spent for 10 s more, to the device
	// that spent it, because the answer may have been lost: a first try that is
	// silent is given up early enough for a second one within that time. Whatever
	// came later would end the session.
	firstPatience  = 5 * time.Second
	secondPatience = 10 * time.Second
)

// Session is a signed-in person on this device. It refreshes its tokens by
// itself, one refresh at a time, and is safe for concurrent use.
type Session struct {
	shown
	c    *Client
	api  *gatewayclient.Client // sends an access token
	id   string
	turn chan struct{} // holds the one token that allows a look at what follows, or a change
	have *Tokens       // a pointer: fmt prints the fields of what an app's own struct points to, but no further
	over error         // why no refresh can succeed any more; nil: one can
}

// SignUp makes an account. The four saved codes in the answer are shown this one time.
func (c *Client) SignUp(ctx context.Context, userName, password, locale string) (NewAccount, error) {
	body := gatewayclient.NewAccount{UserName: userName, Password: password}
	if locale != "" {
		l := gatewayclient.Locale(locale)
		body.Locale = &l
	}
	return read[NewAccount](c.api.CreateAccount(ctx, body))
}

// SignIn proves a person by password, from this client's device.
func (c *Client) SignIn(ctx context.Context, identifier, password string) (*Session, error) {
	set, err := read[gatewayclient.TokenSet](c.api.CreateSession(ctx, gatewayclient.SignIn{Identifier: identifier, Password: password, Device: c.deviceModel()}))
	if err != nil {
		return nil, err
	}
	return c.Restore(tokensOf(set)), nil
}

// Restore goes on with tokens that were kept. It makes no call.
func (c *Client) Restore(t Tokens) *Session {
	s := &Session{shown: shown("session " + t.Session), c: c, id: t.Session, turn: make(chan struct{}, 1), have: &t}
	s.api = &gatewayclient.Client{Server: c.api.Server, Client: bearer{s}}
	s.turn <- struct{}{}
	return s
}

func tokensOf(set gatewayclient.TokenSet) Tokens {
	return Tokens{
		Account: set.AccountId, Session: set.SessionId, Access: set.AccessToken, Refresh: set.RefreshToken,
		AccessExpiry: time.Now().Add(time.Duration(set.ExpiresIn) * time.Second).UnixMilli(),
	}
}

// Tokens are the session's tokens at the moment, to keep them. A refresh that is
// under way is waited for: its outcome is what must be kept.
func (s *Session) Tokens() Tokens {
	<-s.turn
	defer func() { s.turn <- struct{}{} }()
	return *s.have
}

// Refresh rotates the tokens now. The session does it by itself when it is time.
func (s *Session) Refresh(ctx context.Context) error {
	_, err := s.fresh(ctx, func(Tokens) bool { return true })
	return err
}

// access returns an access token that is good for a while.
func (s *Session) access(ctx context.Context) (string, error) {
	return s.fresh(ctx, func(t Tokens) bool {
		return !time.Now().Before(time.UnixMilli(t.AccessExpiry).Add(-early))
	})
}

// fresh returns the access token, after a refresh if due says so when it is this
// caller's turn: of those who wait for one, the first makes it for all. The
// refresh goes on when its caller gives up: a rotated token that nobody read
// would end the session at the next use.
func (s *Session) fresh(ctx context.Context, due func(Tokens) bool) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case <-s.turn:
	}
	switch have, over := *s.have, s.over; {
	case !due(have):
		s.turn <- struct{}{}
		return have.Access, nil
	case over != nil:
		s.turn <- struct{}{}
		return "", over
	}
	type outcome struct {
		access string
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		err := s.rotate(context.WithoutCancel(ctx))
		out := outcome{s.have.Access, err}
		s.turn <- struct{}{}
		done <- out
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case out := <-done:
		return out.access, out.err
	}
}

// rotate replaces the tokens. Its caller has the turn.
func (s *Session) rotate(ctx context.Context) error {
	set, err := s.exchange(context.WithValue(ctx, repeatable{}, true), firstPatience)
	if errors.Is(err, context.DeadlineExceeded) {
		set, err = s.exchange(ctx, secondPatience)
	}
	if err == nil {
		*s.have = tokensOf(set)
	} else if HasCode(err, CodeTokenInvalid) || HasCode(err, CodeTokenExpired) || HasCode(err, CodeSessionRevoked) {
		s.over = err // those who wait for this refresh needn't ask as well
	}
	return err
}

func (s *Session) exchange(ctx context.Context, patience time.Duration) (gatewayclient.TokenSet, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	key := string(*s.c.device)
	return read[gatewayclient.TokenSet](s.c.api.RefreshSession(ctx, gatewayclient.Refresh{RefreshToken: s.have.Refresh, DeviceKey: &key}))
}

// renew replaces an access token that the suite found expired.
func (s *Session) renew(ctx context.Context, stale string) (string, error) {
	return s.fresh(ctx, func(t Tokens) bool { return t.Access == stale })
}

// bearer sends a session's requests with an access token that is good for a
// while. One that has expired in spite of all is refreshed, and the request sent
// again, once.
type bearer struct{ s *Session }

func (b bearer) Do(req *http.Request) (*http.Response, error) {
	token, err := b.s.access(req.Context())
	if err != nil {
		return nil, err
	}
	res, err := b.send(req, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	_, problem := read[struct{}](res, nil)
	if !HasCode(problem, CodeTokenExpired) {
		return nil, problem
	}
	if token, err = b.s.renew(req.Context(), token); err != nil {
		return nil, fmt.Errorf("%w; and the refresh: %w", problem, err)
	}
	return b.send(req, token)
}

func (b bearer) send(req *http.Request, token string) (*http.Response, error) {
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		var err error
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	again.Header.Set("Authorization", "Bearer "+token)
	return retrying{b.s.c}.Do(again)
}

func authorize(value string) gatewayclient.RequestEditorFn {
	return func(_ context.Context, req *http.Request) error {
		req.Header.Set("Authorization", value)
		return nil
	}
}

// SignOut ends this session.
func (s *Session) SignOut(ctx context.Context) error { return s.RevokeSession(ctx, s.id) }

// Sessions lists one's own live sessions, newest use first.
func (s *Session) Sessions(ctx context.Context) ([]SessionInfo, error) {
	list, err := read[gatewayclient.SessionList](s.api.ListSessions(ctx))
	return list.Sessions, err
}

// RevokeSession ends one of one's own sessions.
func (s *Session) RevokeSession(ctx context.Context, id string) error {
	_, err := read[struct{}](s.api.RevokeSession(ctx, id))
	return err
}

// RevokeOthers ends all of one's own sessions but this one, and says how many.
func (s *Session) RevokeOthers(ctx context.Context) (int, error) {
	n, err := read[gatewayclient.RevokedCount](s.api.RevokeOtherSessions(ctx))
	return n.Revoked, err
}

// Me is one's own account.
func (s *Session) Me(ctx context.Context) (Account, error) {
	return read[Account](s.api.GetMe(ctx))
}

// ChangePassword sets a new password (fresh sign-in) and ends the other sessions.
func (s *Session) ChangePassword(ctx context.Context, current, next string) error {
	_, err := read[struct{}](s.api.ChangePassword(ctx, gatewayclient.PasswordChange{CurrentPassword: current, NewPassword: next}))
	return err
}

// IssueSavedCodes makes four new saved codes (fresh sign-in); the old ones die.
func (s *Session) IssueSavedCodes(ctx context.Context) ([]string, error) {
	codes, err := read[gatewayclient.SavedCodes](s.api.IssueSavedCodes(ctx))
	return codes.SavedCodes, err
}
