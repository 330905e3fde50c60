package account

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"centinela/services/auth/internal/name"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// SignIn is what a person signs in with.
type SignIn struct {
	Identifier string
	Password   secret.String
	DeviceKey  secret.String // may be empty
	DeviceName string
}

// Tokens is the answer to a sign-in or a refresh.
type Tokens struct {
	Account, Session string
	Access           secret.String
	AccessFor        time.Duration
	Refresh          secret.String
	RefreshUntil     time.Time
}

// DeviceHash is how a device key is kept and compared: hex SHA-256, "" for none.
func DeviceHash(key secret.String) string {
	if key.IsZero() {
		return ""
	}
	return hex.EncodeToString(secret.Hash(key.Reveal()))
}

// SignIn proves a person by password and begins a session. Errors: ErrCredentials, the same body after the same time
// for an unknown user and a wrong password; throttle.ErrTooMany; password.ErrBusy.
func (s *Service) SignIn(ctx context.Context, in SignIn, o record.Origin) (Tokens, error) {
	start := time.Now() // what a stopwatch outside sees, so real time
	now := s.Clock.Now()
	o.Device = DeviceHash(in.DeviceKey)

	key := name.Key(in.Identifier)
	a, err := s.byKey(ctx, key)
	if err != nil {
		return Tokens{}, err
	}
	var known throttle.Known
	if a != nil {
		known = throttle.Known{Device: a.Knows(o.Device), Network: a.KnowsNetwork(throttle.NetworkOf(o.Address))}
	}
	way := throttle.SignIn(key, known, o.Device, o.Address)
	if err := s.Throttle.Take(ctx, way.Uses()...); err != nil {
		return Tokens{}, err
	}
	right, stale, err := s.verify(ctx, start, way.Lane, a, in.Password)
	if err != nil {
		// The try is given back: nothing was checked. Its own failure matters less than why.
		return Tokens{}, errors.Join(err, s.Throttle.Forgive(ctx, way.Untried()...))
	}
	if !right {
		return Tokens{}, s.refuse(ctx, start, now, a, o)
	}
	tokens, err := s.begin(ctx, now, *a, in, stale, o)
	if errors.Is(err, ErrCredentials) { // the password was changed meanwhile
		return Tokens{}, s.refuse(ctx, start, now, a, o)
	}
	if err != nil {
		return Tokens{}, err
	}
	return tokens, s.Throttle.Forgive(ctx, way.Succeeded()...)
}

// byKey returns nil for an unknown user.
func (s *Service) byKey(ctx context.Context, key string) (*Account, error) {
	a, err := s.Store.AccountByName(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // unknown is an answer here, and goes the same way as a known one
	}
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// verify hashes for unknown users as well, and learns the pace from real ones only.
func (s *Service) verify(ctx context.Context, start time.Time, lane password.Lane, a *Account, typed secret.String) (right, stale bool, err error) {
	hash := ""
	if a != nil {
		hash = a.PasswordHash
	}
	right, stale, err = s.Hasher.Verify(ctx, lane, hash, typed)
	if a != nil && err == nil {
		s.pace.Learn(time.Since(start))
	}
	return right, stale, err
}

func (s *Service) refuse(ctx context.Context, start, now time.Time, a *Account, o record.Origin) error {
	e := event(now, record.SessionRefused, record.Failure, o, "")
	e.Reason = "unknown_user"
	if a != nil {
		e.Account, e.Reason = a.ID, "wrong_password"
	}
	if err := s.report(ctx, e); err != nil {
		return err
	}
	if err := s.pace.Hold(ctx, start); err != nil {
		return err
	}
	return ErrCredentials
}

// report keeps an event that comes with no change.
func (s *Service) report(ctx context.Context, e record.Event) error {
	err := s.Store.Record(ctx, e)
	s.Kick()
	return err
}

// begin notes the sign-in in the account and makes the session. A reset that happens meanwhile wins: the account is changed
// only while it still has the password that was proved, the session carries the epoch of that moment, and the epoch is
// read again when the session is in the store, before any token leaves. A reset that comes later finds the session and
// ends it.
func (s *Service) begin(ctx context.Context, now time.Time, proved Account, in SignIn, stale bool, o record.Origin) (Tokens, error) {
	rehashed := ""
	if stale {
		var err error
		if rehashed, err = s.Hasher.Hash(ctx, password.Familiar, in.Password); err != nil && !errors.Is(err, password.ErrBusy) {
			return Tokens{}, err // busy: the next sign-in raises the parameters
		}
	}
	sess := Session{
		ID: id.New("ses"), Account: proved.ID, Device: o.Device, DeviceName: in.DeviceName,
		UserAgent: o.UserAgent, Address: o.Address, CreatedAt: now, AuthTime: now,
	}
	refresh := newRefreshToken(s.Key, sess.ID)
	sess.RefreshHash = secret.Hash(refresh.Reveal())
	s.use(&sess, now)
	created := event(now, record.SessionCreated, record.Success, o, sess.Account)
	created.Session, created.Target = sess.ID, sess.ID
	err := s.Store.BeginSession(ctx, proved.ID, func(a *Account) (Session, []record.Event, error) {
		if a.PasswordHash != proved.PasswordHash {
			return Session{}, nil, ErrCredentials
		}
		if rehashed != "" {
			a.PasswordHash = rehashed
		}
		a.signedIn(now, o.Device, in.DeviceName, throttle.NetworkOf(o.Address))
		sess.Epoch = a.SessionEpoch
		return sess, []record.Event{created}, nil
	})
	if err != nil {
		return Tokens{}, err
	}
	s.Kick()
	if err := s.settle(ctx, now, sess, o); err != nil {
		return Tokens{}, err
	}
	return s.tokens(now, sess, refresh)
}

// settle ends the new session if the epoch moved on, and the oldest others above the limit.
func (s *Service) settle(ctx context.Context, now time.Time, sess Session, o record.Origin) error {
	a, err := s.Store.Account(ctx, sess.Account)
	if err != nil {
		return err
	}
	if err := sess.liveOf(&a, now); err != nil {
		return errors.Join(ErrCredentials, s.end(ctx, now, sess.ID, "superseded", o))
	}
	sessions, err := s.live(ctx, now, &a)
	if err != nil {
		return err
	}
	for i := len(sessions) - 1; i >= 0 && i >= s.settings.MaxSessions; i-- {
		victim := sessions[i]
		if victim.ID == sess.ID { // all the others were used in this very millisecond
			victim = sessions[0]
		}
		if err := s.end(ctx, now, victim.ID, "too_many_sessions", o); err != nil {
			return err
		}
	}
	return nil
}

// use notes that a session is used, and until when the access token may live that is given out for it. It doesn't outlive
// its session: one that did would be good with the other services when the session is no longer in the list of what a
// reset has to revoke.
func (s *Service) use(sess *Session, now time.Time) {
	sess.LastUsedAt = now
	sess.ExpiresAt = earlier(now.Add(s.settings.IdleFor), sess.CreatedAt.Add(s.settings.AtMost))
	sess.AccessUntil = earlier(now.Add(s.settings.AccessFor), sess.ExpiresAt)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// tokens issues the access token that use has noted.
func (s *Service) tokens(now time.Time, sess Session, refresh secret.String) (Tokens, error) {
	access, err := s.Issuer.Issue(TokenClaims{
		Account: sess.Account, Session: sess.ID, AuthTime: sess.AuthTime,
		IssuedAt: now, ExpiresAt: sess.AccessUntil, AMR: []string{"pwd"}, ACR: "aal1",
	})
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{
		Account: sess.Account, Session: sess.ID, Access: access, AccessFor: sess.AccessUntil.Sub(now),
		Refresh: refresh, RefreshUntil: sess.ExpiresAt,
	}, nil
}
