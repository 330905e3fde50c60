package ratelimit

import "net/netip"

// KeyOf groups addresses by who holds them: an IPv4 address by itself, IPv6 by /64, which is what one customer gets
// and can choose freely from. IPv4 in IPv6 is IPv4.
func KeyOf(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if !addr.Is6() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}
