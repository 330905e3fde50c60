package account

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// A refresh token is "<session id>.<256 random bits>.<128 bits of HMAC over both>". The HMAC tells a spent token of
// ours, however old, from one that somebody made up: only the former ends the session. At rest there is SHA-256 of it.
const refreshParts = 3

func newRefreshToken(key secret.Key, session string) secret.String {
	random := secret.Token(32).Reveal()
	return secret.NewString(session + "." + random + "." + refreshSeal(key, session, random))
}

func refreshSeal(key secret.Key, session, random string) string {
	return base64.RawURLEncoding.EncodeToString(key.MAC("refresh-token", session, random)[:16])
}

// sessionOf returns the session of a refresh token that is or was ours, "" for anything else.
func sessionOf(key secret.Key, token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != refreshParts || !id.Valid("ses", parts[0]) {
		return ""
	}
	if !secret.Equal([]byte(refreshSeal(key, parts[0], parts[1])), []byte(parts[2])) {
		return ""
	}
	return parts[0]
}

// Refresh rotates a refresh token. The token before the current one is taken again for ReuseGrace after it was spent,
// from the same device, because its answer may have been lost: the answer is a new pair, and the pair that was lost is
// spent. (A client must therefore not refresh twice at once: of two answers only the later one lives.) Any other spent
// token means that two parties hold the session: it ends, and the owner can read so in the activity list.
//
// Errors: ErrTokenInvalid (not ours, or spent), ErrTokenExpired, ErrSessionRevoked.
func (s *Service) Refresh(ctx context.Context, token, deviceKey secret.String, o record.Origin) (Tokens, error) {
	now := s.Clock.Now()
	o.Device = DeviceHash(deviceKey)
	sid := sessionOf(s.Key, token.Reveal())
	if sid == "" {
		return Tokens{}, ErrTokenInvalid
	}
	sess, err := s.Store.Session(ctx, sid)
	if errors.Is(err, ErrNotFound) { // swept
		return Tokens{}, ErrTokenExpired
	}
	if err != nil {
		return Tokens{}, err
	}
	a, err := s.Store.Account(ctx, sess.Account)
	if err != nil {
		return Tokens{}, err
	}

	next := newRefreshToken(s.Key, sid)
	spent, given := secret.Hash(token.Reveal()), secret.Hash(next.Reveal())
	reused := false
	err = s.Store.UpdateSession(ctx, sid, func(sess2 *Session) ([]record.Event, error) {
		if err := sess2.liveOf(&a, now); err != nil {
			return nil, err
		}
		if reused = !sess2.takes(spent, o.Device, now, s.settings.ReuseGrace); reused {
			events := s.endWith(sess2, now, "refresh_token_reused", o)
			sess = *sess2
			return events, nil
		}
		sess2.rotate(spent, given, now)
		s.use(sess2, now)
		sess = *sess2
		e := event(now, record.SessionRefreshed, record.Success, o, sess.Account)
		e.Session, e.Target = sid, sid
		return []record.Event{e}, nil
	})
	if err != nil {
		return Tokens{}, err
	}
	s.Kick()
	if reused {
		s.Ended(sess)
		return Tokens{}, ErrTokenInvalid
	}
	return s.tokens(now, sess, next)
}

// takes reports whether a token that is ours may be rotated now.
func (s *Session) takes(hash []byte, device string, now time.Time, grace time.Duration) bool {
	if secret.Equal(hash, s.RefreshHash) {
		return true
	}
	return len(s.PreviousHash) > 0 && secret.Equal(hash, s.PreviousHash) &&
		device != "" && device == s.Device && now.Sub(s.RotatedAt) <= grace
}

// rotate makes given the current token. A repeat of the previous one leaves it the previous one, and leaves when it was
// spent, so that repeating doesn't lengthen the grace.
func (s *Session) rotate(spent, given []byte, now time.Time) {
	if secret.Equal(spent, s.RefreshHash) {
		s.PreviousHash, s.RotatedAt = spent, now
	}
	s.RotatedAt = earlier(s.RotatedAt, now) // a clock that was set back must not lengthen it either
	s.RefreshHash = given
}
