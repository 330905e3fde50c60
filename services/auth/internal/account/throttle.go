package account

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"centinela/shared/secret"
)

const (
	signInWindow = time.Hour
	freeFailures = 5 // so many may fail before the next has to wait
	longestPause = time.Minute
)

// signInPause is 1, 2, 4 … 60 s after the 5th, 6th, 7th … failure. It grows and never locks: whoever waits gets a try.
func signInPause(count int) time.Duration {
	if count < freeFailures {
		return 0
	}
	return min(longestPause, time.Second<<min(count-freeFailures, 6))
}

// budgets are the counters of one sign-in: of the account, and of the source. They come in lanes, by how much the
// account has to do with where the sign-in comes from: a device that signed in before, a network that somebody signed in
// from, anybody. Strangers only ever use the last, and so never slow the owner's known device down.
type budgets struct {
	account, source string
	lane            Lane // to the hash
}

// budgetsOf names the counters. An unknown user has the ones of a known account that sees a stranger, so that the
// throttle tells nobody which names exist. Names and addresses stand in the keys as HMAC only.
func budgetsOf(key secret.Key, nameKey string, a *Account, device, address string) budgets {
	who := hexMAC(key, "throttle-account", nameKey)
	source := hexMAC(key, "throttle-source", sourceOf(address))
	network := networkOf(address)
	switch {
	case a != nil && a.Knows(device):
		// Bound to the account as well: a stranger behind the same address could else spend it with an account of his own.
		return budgets{"signin/device/" + who + "/" + device, "signin-source/device/" + who + "/" + source, Familiar}
	case a != nil && a.KnowsNetwork(network):
		in := hexMAC(key, "throttle-network", network)
		return budgets{"signin/network/" + who + "/" + in, "signin-source/network/" + source, Familiar}
	}
	return budgets{"signin/anonymous/" + who, "signin-source/anonymous/" + source, Stranger}
}

// raise counts a try in both budgets before anything is checked. ErrTooMany with the time to wait when one of them is
// spent; nothing is counted then, or refused tries would lengthen the wait. The source comes first: taking a try back
// leaves when it was made, from where the pause is measured, so a spent source that went on knocking would otherwise
// hold the account's lane shut for all others.
func (s *Service) raise(ctx context.Context, now time.Time, b budgets) error {
	if err := s.paced(ctx, now, b.source); err != nil {
		return err
	}
	err := s.paced(ctx, now, b.account)
	if err != nil {
		err = errors.Join(err, s.store.ForgiveFailures(ctx, b.source, 1))
	}
	return err
}

// paced counts one more under key, or says how long it has to wait.
func (s *Service) paced(ctx context.Context, now time.Time, key string) error {
	c, err := s.store.RegisterFailure(ctx, key, now, signInWindow, signInPause)
	if err == nil && c.Wait > 0 {
		err = ErrTooMany.WithRetryAfter(c.Wait)
	}
	return err
}

// takeBack undoes raise for a try that was never checked.
func (s *Service) takeBack(ctx context.Context, b budgets) error {
	if err := s.store.ForgiveFailures(ctx, b.account, 1); err != nil {
		return err
	}
	return s.store.ForgiveFailures(ctx, b.source, 1)
}

// succeeded clears the account's lane. The source only gets its own try back: else whoever has one account could wipe
// what he did to others from the same address.
func (s *Service) succeeded(ctx context.Context, b budgets) error {
	if err := s.store.ForgiveFailures(ctx, b.account, 0); err != nil {
		return err
	}
	return s.store.ForgiveFailures(ctx, b.source, 1)
}

// spend counts one more under key and refuses past limit in the window, with the time until it ends.
func (s *Service) spend(ctx context.Context, now time.Time, key string, limit int, window time.Duration) error {
	c, err := s.store.RegisterFailure(ctx, key, now, window, nil)
	if err != nil {
		return err
	}
	if c.Count > limit {
		return ErrTooMany.WithRetryAfter(max(time.Second, c.WindowStart.Add(window).Sub(now)))
	}
	return nil
}

// sourceOf is who a connection is billed to: an IPv4 address, or the /64 that one IPv6 customer has at least.
func sourceOf(address string) string { return prefixOf(address, 32, 64) }

// networkOf is what a person's connections have in common from day to day.
func networkOf(address string) string { return prefixOf(address, 24, 48) }

func prefixOf(address string, bits4, bits6 int) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	bits := bits6
	if addr.Is4() {
		bits = bits4
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}
