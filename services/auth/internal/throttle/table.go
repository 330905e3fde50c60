package throttle

import (
	"context"
	"errors"
	"time"

	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/limits"
	"centinela/shared/secret"
)

// The limits, by name.
const (
	signInDevice          limits.Name = "sign-in/device"
	signInDeviceSource    limits.Name = "sign-in/device-source"
	signInNetwork         limits.Name = "sign-in/network"
	signInNetworkSource   limits.Name = "sign-in/network-source"
	signInAnonymous       limits.Name = "sign-in/anonymous"
	signInAnonymousSource limits.Name = "sign-in/anonymous-source"
	currentPassword       limits.Name = "current-password"
	savedCode             limits.Name = "saved-code"
	signUp                limits.Name = "sign-up"
)

const (
	signInWindow = time.Hour
	freeFailures = 5 // so many may fail before the next has to wait
	longestPause = time.Minute
)

// pause is 1, 2, 4 … 60 s after the 5th, 6th, 7th … failure.
func pause(failures int) time.Duration {
	if failures < freeFailures {
		return 0
	}
	return min(longestPause, time.Second<<min(failures-freeFailures, 6))
}

// ErrTooMany says that a limit is full; RetryAfter says for how long.
var ErrTooMany = fault.New(fault.KindTooMany, fault.CodeTooManyRequests, "too many tries, wait a little")

// Settings are the limits that the config decides.
type Settings struct {
	SignUpsHourly int // tries of one source
	CodesDaily    int // wrong saved codes of one account that are recorded
}

func table(s Settings) []limits.Limit {
	paced := func(name limits.Name, sharedBy string, fields ...string) limits.Limit {
		return limits.Limit{Name: name, Fields: fields, Window: signInWindow, Pause: pause, SharedBy: sharedBy}
	}
	return []limits.Limit{
		paced(signInDevice, "who has the key of a device that signed in", "name", "device"),
		// By account as well: a stranger behind the same address could else spend it with an account of his own.
		paced(signInDeviceSource, "who has such a key, in one place", "name", "source"),
		paced(signInNetwork, "who is in a network that the account was signed in from", "name", "network"),
		paced(signInNetworkSource, "who signs in from there, to any account that knows the network", "source"),
		paced(signInAnonymous, "everybody else who names the account", "name"),
		paced(signInAnonymousSource, "everybody else there", "source"),
		paced(currentPassword, "who holds a session of the account: it must not be a place to guess in", "account"),
		{Name: savedCode, Fields: []string{"account"}, Limit: s.CodesDaily, Window: 24 * time.Hour, SharedBy: "everybody who starts a recovery of the account; a right code is always taken"},
		{Name: signUp, Fields: []string{"source"}, Limit: s.SignUpsHourly, Window: time.Hour, SharedBy: "everybody there"},
	}
}

// Throttle counts tries. Safe for concurrent use.
type Throttle struct{ *limits.Limiter }

// New is auth's Throttle over its counters. key hashes what they are called.
func New(store limits.Store, key secret.Key, clk clock.Clock, s Settings) (*Throttle, error) {
	l, err := limits.New(store, key, clk, table(s)...)
	if err != nil {
		return nil, err
	}
	return &Throttle{l}, nil
}

// Take counts a try of each, or none: ErrTooMany.
func (t *Throttle) Take(ctx context.Context, uses ...limits.Use) error {
	err := t.Limiter.Take(ctx, uses...)
	if full, ok := errors.AsType[*limits.Full](err); ok {
		return ErrTooMany.WithRetryAfter(full.Wait).WithCause(err)
	}
	return err
}

// CurrentPassword is a try of the password by who is signed in.
func CurrentPassword(account string) limits.Use { return limits.Of(currentPassword, account) }

// SavedCode is a try of a saved code.
func SavedCode(account string) limits.Use { return limits.Of(savedCode, account) }

// SignUp is a try to sign up from an address.
func SignUp(address string) limits.Use { return limits.Of(signUp, SourceOf(address)) }
