package throttle

import (
	"net/netip"

	"centinela/services/auth/internal/password"
	"centinela/shared/limits"
)

// Known is what an account knows of where a sign-in comes from; of an unknown account, nothing.
type Known struct {
	Device  bool // it signed in before
	Network bool // somebody signed in from there
}

// Way is the two counters of one sign-in, of the account and of the source, and its lane to the hash. They come in lanes, by
// how much the account has to do with where the sign-in comes from.
type Way struct {
	Account, Source limits.Use
	Lane            password.Lane
}

// SignIn is the way of a sign-in to the account of that name. An unknown name has the one of a known name that sees a
// stranger, so that nobody learns here which names exist.
func SignIn(nameKey string, known Known, device, address string) Way {
	source := SourceOf(address)
	switch {
	case known.Device:
		return Way{limits.Of(signInDevice, nameKey, device), limits.Of(signInDeviceSource, nameKey, source), password.Familiar}
	case known.Network:
		return Way{limits.Of(signInNetwork, nameKey, NetworkOf(address)), limits.Of(signInNetworkSource, source), password.Familiar}
	}
	return Way{limits.Of(signInAnonymous, nameKey), limits.Of(signInAnonymousSource, source), password.Stranger}
}

// Uses are both counters.
func (w Way) Uses() []limits.Use { return []limits.Use{w.Account, w.Source} }

// Untried gives both tries back: nothing was checked.
func (w Way) Untried() []limits.Pardon { return []limits.Pardon{w.Account.One(), w.Source.One()} }

// Succeeded clears the account's counter. The source only gets its own try back: else whoever has one account could wipe
// what he did to others from the same address.
func (w Way) Succeeded() []limits.Pardon { return []limits.Pardon{w.Account.All(), w.Source.One()} }

// SourceOf is who a connection is billed to: an IPv4 address, or the /64 that one IPv6 customer has at least.
func SourceOf(address string) string { return prefixOf(address, 32, 64) }

// NetworkOf is what a person's connections have in common from day to day: /24 of IPv4, /48 of IPv6.
func NetworkOf(address string) string { return prefixOf(address, 24, 48) }

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
