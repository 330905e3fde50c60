package firewall

import (
	"net/netip"

	"centinela/shared/verdicts"
)

// loopback is this machine's own (RFC 6890).
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Protect names the proxies that stand in front of the gateway: to refuse one of
// them would refuse everybody. Call it before the first Add.
func (f *Firewall) Protect(proxies []netip.Prefix) { f.proxies = proxies }

// lockout refuses what would shut out those who could lift it: this machine, a
// declared proxy, or the address that the order comes from. Errors:
// ErrVerdictInvalid at /force, which says that force does it all the same.
func (f *Firewall) lockout(o Order, subjects []verdicts.Subject, caller string) error {
	if o.Action == verdicts.Allow || o.Force || len(subjects) > 1 {
		return nil // joined with an account, a session or a device, it is about them
	}
	refused, err := netip.ParsePrefix(subjects[0].Value)
	if subjects[0].Kind == verdicts.KindIP {
		var addr netip.Addr
		addr, err = netip.ParseAddr(subjects[0].Value)
		refused = netip.PrefixFrom(addr, addr.BitLen())
	}
	if err != nil {
		return nil // no address: an account, session or device
	}
	if from, err := netip.ParseAddr(caller); err == nil && refused.Contains(from.Unmap()) {
		return invalid("/force", "would refuse your own address, "+caller+": set force if you mean it")
	}
	for _, p := range loopback {
		if refused.Overlaps(p) {
			return invalid("/force", "would refuse the machine's own addresses, from which operators work: set force if you mean it")
		}
	}
	for _, p := range f.proxies {
		if refused.Overlaps(p) {
			return invalid("/force", "would refuse everybody behind the proxy "+p.String()+" (gateway.proxy.trusted): set force if you mean it")
		}
	}
	return nil
}
