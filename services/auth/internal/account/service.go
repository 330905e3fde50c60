package account

import (
	"time"

	"centinela/services/auth/internal/name"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const service = "auth"

// Settings are the parameters of the use cases; config.go of the service holds their defaults.
type Settings struct {
	Names       name.Rules
	Passwords   password.Rules
	Fresh       time.Duration // how old a sign-in may be for what FreshOnly lists
	SignInFloor time.Duration // the least time that a refused sign-in takes
	IdleFor     time.Duration // a session that isn't refreshed for so long is over
	AtMost      time.Duration // a session lives no longer than this
	MaxSessions int           // of one account
	ReuseGrace  time.Duration // in which a lost answer may be asked for again
	AccessFor   time.Duration // life of an access token
}

// TokenClaims is what an access token says.
type TokenClaims struct {
	Account, Session              string
	AuthTime, IssuedAt, ExpiresAt time.Time
	AMR                           []string
	ACR                           string
}

// Issuer signs access tokens.
type Issuer interface {
	Issue(c TokenClaims) (secret.String, error)
}

// Deps is what the use cases stand on.
type Deps struct {
	Store    Store
	Throttle *throttle.Throttle
	Hasher   *password.Hasher
	Issuer   Issuer
	Key      secret.Key // the pepper: saved codes and refresh tokens are bound to it
	Clock    clock.Clock
	Kick     func()        // called after each write that left events to ship
	Ended    func(Session) // called after each write that ended a session
}

// Service is the use cases. Safe for concurrent use.
type Service struct {
	Deps
	settings Settings
	pace     *password.Pace
	repairs  retries
}

// New builds the use cases.
func New(d Deps, s Settings) *Service {
	return &Service{Deps: d, settings: s, pace: password.NewPace(s.SignInFloor)}
}

func event(now time.Time, action, outcome string, o record.Origin, account string) record.Event {
	e := record.New(now, service, action, outcome, o)
	e.Account = account
	return e
}
