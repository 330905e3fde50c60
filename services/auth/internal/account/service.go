package account

import (
	"time"

	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/secret"
)

const service = "auth"

// Settings are the parameters of the use cases; config.go of the service holds their defaults.
type Settings struct {
	Rules         PasswordRules
	Fresh         time.Duration // how old a sign-in may be for what FreshOnly lists
	SignInFloor   time.Duration // the least time that a refused sign-in takes
	IdleFor       time.Duration // a session that isn't refreshed for so long is over
	AtMost        time.Duration // a session lives no longer than this
	MaxSessions   int           // of one account
	ReuseGrace    time.Duration // in which a lost answer may be asked for again
	AccessFor     time.Duration // life of an access token
	SignUpsHourly int           // of one source
	CodesDaily    int           // wrong saved codes of one account that are recorded
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

// Service is the use cases. Safe for concurrent use.
type Service struct {
	store    Store
	hasher   *Hasher
	issuer   Issuer
	key      secret.Key
	clk      clock.Clock
	kick     func()
	ended    func()
	settings Settings
	pace     *pace
}

// New builds the use cases. key is the pepper (saved codes and refresh tokens are bound to it too); kick is called
// after each write that left events to ship, ended after each that ended a session.
func New(store Store, hasher *Hasher, issuer Issuer, key secret.Key, clk clock.Clock, kick, ended func(), s Settings) *Service {
	return &Service{store: store, hasher: hasher, issuer: issuer, key: key, clk: clk, kick: kick, ended: ended, settings: s, pace: newPace(s.SignInFloor)}
}

func event(now time.Time, action, outcome string, o record.Origin, account string) record.Event {
	e := record.New(now, service, action, outcome, o)
	e.Account = account
	return e
}
