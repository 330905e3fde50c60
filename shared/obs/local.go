package obs

import (
	"net"
	"net/netip"
	"strings"
)

// Loopback reports whether a listener on listen (host:port) can be reached from this machine alone.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// HostIsLocal reports whether a Host header names an address or this machine, with or without a port. A page of somebody
// else that has its own name point here (DNS rebinding) sends that name: browsers always send one, and let nobody choose it.
func HostIsLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	_, err := netip.ParseAddr(host)
	return err == nil || host == "" || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
