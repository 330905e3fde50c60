package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"centinela/shared/record"
)

// Person is who a verified access token speaks for.
type Person struct {
	Account, Session string
	AuthTime         time.Time
}

// FreshOnly is the one table of what changes how an account is entered: operation ids of the specification that take a
// sign-in of the last minutes, not just a live session (design: auth, "Fresh sign-in").
var FreshOnly = map[string]bool{
	"changePassword":  true,
	"issueSavedCodes": true,
}

// Admit checks in the store that the session of a verified token is alive, so that here a revoked token dies at once,
// and that the sign-in is fresh where the operation asks for it. Errors: ErrSessionRevoked, ErrNotFresh.
func (s *Service) Admit(ctx context.Context, p Person, operation string) error {
	if err := s.Live(ctx, p.Account, p.Session); err != nil {
		return err
	}
	if FreshOnly[operation] && !s.fresh(p.AuthTime) {
		return ErrNotFresh
	}
	return nil
}

// clocksApart is how far another process's clock may be ahead.
const clocksApart = time.Minute

// fresh takes a sign-in of the future for one of now while that can be a clock that is ahead; more is a clock that was set
// back, which must not make a sign-in fresh for longer.
func (s *Service) fresh(authTime time.Time) bool {
	age := s.Clock.Now().Sub(authTime)
	return age < s.settings.Fresh && age >= -clocksApart
}

// Live is nil while the session is alive and that account's, by what the store holds now. Error: ErrSessionRevoked,
// also for an unknown one.
func (s *Service) Live(ctx context.Context, account, session string) error {
	a, err := s.Store.Account(ctx, account)
	if err == nil {
		var sess Session
		if sess, err = s.Store.Session(ctx, session); err == nil && sess.liveOf(&a, s.Clock.Now()) != nil {
			err = ErrSessionRevoked
		}
	}
	if errors.Is(err, ErrNotFound) {
		return ErrSessionRevoked
	}
	return err
}

// Sessions lists a person's live sessions, newest use first.
func (s *Service) Sessions(ctx context.Context, p Person) ([]Session, error) {
	a, err := s.Store.Account(ctx, p.Account)
	if err != nil {
		return nil, err
	}
	sessions, err := s.live(ctx, s.Clock.Now(), &a)
	return sessions[:min(len(sessions), s.settings.MaxSessions)], err
}

// Revoke ends one of a person's sessions; ending it again is no error. Another person's and an unknown one are both
// ErrNotFound.
func (s *Service) Revoke(ctx context.Context, p Person, session string, o record.Origin) error {
	sess, err := s.Store.Session(ctx, session)
	if err != nil {
		return err
	}
	if sess.Account != p.Account {
		return ErrNotFound
	}
	reason := "revoked_by_owner"
	if session == p.Session {
		reason = "signed_out"
	}
	return s.end(ctx, s.Clock.Now(), session, reason, o)
}

// RevokeOthers ends all of a person's sessions but the one that asks, and says how many.
func (s *Service) RevokeOthers(ctx context.Context, p Person, o record.Origin) (int, error) {
	now := s.Clock.Now()
	a, err := s.Store.Account(ctx, p.Account)
	if err != nil {
		return 0, err
	}
	sessions, err := s.live(ctx, now, &a)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, sess := range sessions {
		if sess.ID == p.Session {
			continue
		}
		if err := s.end(ctx, now, sess.ID, "revoked_by_owner", o); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// live lists the account's sessions that are alive, newest use first.
func (s *Service) live(ctx context.Context, now time.Time, a *Account) ([]Session, error) {
	sessions, err := s.Store.SessionsOf(ctx, a.ID, now)
	return slices.DeleteFunc(sessions, func(sess Session) bool { return sess.liveOf(a, now) != nil }), err
}

// end marks one session as over and reports it. One that is over already stays as it is.
func (s *Service) end(ctx context.Context, now time.Time, session, reason string, o record.Origin) error {
	var ended Session
	err := s.Store.UpdateSession(ctx, session, func(sess *Session) (events []record.Event, _ error) {
		if sess.EndedAt.IsZero() {
			events = s.revokeWith(sess, now, reason, o)
		}
		ended = *sess
		return events, nil
	})
	if err != nil {
		return err
	}
	s.Kick()
	s.Ended(ended)
	return nil
}

func (s *Service) revokeWith(sess *Session, now time.Time, reason string, o record.Origin) []record.Event {
	sess.EndedAt, sess.EndReason = now, reason
	e := event(now, record.SessionRevoked, record.Success, o, sess.Account)
	e.Session, e.Target, e.Reason = sess.ID, sess.ID, reason
	// Until when an access token of this session may be around: audit makes a verdict of it that the gateway obeys.
	e.Data = record.Data{"expires_at": now.Add(s.settings.AccessFor).UTC().Format(time.RFC3339Nano)}
	return []record.Event{e}
}

// endWith ends a session whose spent refresh token came again.
func (s *Service) endWith(sess *Session, now time.Time, reason string, o record.Origin) []record.Event {
	e := event(now, record.SessionRefreshReused, record.Refused, o, sess.Account)
	e.Session, e.Target = sess.ID, sess.ID
	return append([]record.Event{e}, s.revokeWith(sess, now, reason, o)...)
}

// The end of all sessions of an account, safe to stop anywhere (on MongoDB, accounts and sessions are documents of
// their own):
//
//  1. The account gets a new epoch in the very change that is the reason (endSessions). From here on every session of
//     another epoch is dead: liveOf refuses it, in every use case.
//  2. finishEnding marks each of them, with its session.revoked event, by which the gateway hears of it.
//  3. finishEnding clears Ending in the account. When the process stops before that, Repair does 2 and 3 again.
//
// A sign-in that goes on meanwhile is either seen by 2, or sees the new epoch before it hands out tokens (begin).
func (s *Service) finishEnding(ctx context.Context, account string, o record.Origin) error {
	now := s.Clock.Now()
	a, err := s.Store.Account(ctx, account)
	if err != nil || a.Ending.At.IsZero() {
		return err
	}
	sessions, err := s.Store.SessionsOf(ctx, account, now)
	if err != nil {
		return err
	}
	for _, sess := range sessions {
		if sess.liveOf(&a, now) == nil {
			continue
		}
		if err := s.end(ctx, now, sess.ID, a.Ending.Reason, o); err != nil {
			return err
		}
	}
	return s.Store.UpdateAccount(ctx, account, func(b *Account) ([]record.Event, error) {
		if b.SessionEpoch == a.SessionEpoch { // else a later change began anew, and finishes it
			b.Ending = Ending{}
		}
		return nil, nil
	})
}
