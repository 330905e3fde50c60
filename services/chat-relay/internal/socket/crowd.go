package socket

import (
	"net/netip"
	"slices"

	"centinela/shared/verdicts"
)

// crowd is the open sockets, by everything that a verdict can name: so that a change of verdicts looks at the sockets that
// it is about, and not at all of them. Door.mu guards it.
type crowd struct {
	all       map[*conn]struct{}
	byAddress map[netip.Addr][]*conn
	bySubject map[subject][]*conn
}

// subject is an account, a session or a device.
type subject struct{ kind, name string }

func newCrowd() crowd {
	return crowd{all: map[*conn]struct{}{}, byAddress: map[netip.Addr][]*conn{}, bySubject: map[subject][]*conn{}}
}

func (o *crowd) add(c *conn) {
	o.all[c] = struct{}{}
	if at := plain(c.address); at.IsValid() {
		o.byAddress[at] = append(o.byAddress[at], c)
	}
	for _, s := range c.subjects() {
		o.bySubject[s] = append(o.bySubject[s], c)
	}
}

func (o *crowd) remove(c *conn) {
	delete(o.all, c)
	if at := plain(c.address); at.IsValid() {
		without(o.byAddress, at, c)
	}
	for _, s := range c.subjects() {
		without(o.bySubject, s, c)
	}
}

func without[K comparable](by map[K][]*conn, key K, c *conn) {
	by[key] = slices.DeleteFunc(by[key], func(other *conn) bool { return other == c })
	if len(by[key]) == 0 {
		delete(by, key)
	}
}

// of is the sockets of a subject of a verdict. One that can't be read is nobody's.
func (o *crowd) of(kind, value string) []*conn {
	switch kind {
	case verdicts.KindIP:
		at, err := netip.ParseAddr(value)
		if err != nil {
			return nil
		}
		return o.byAddress[plain(at)]
	case verdicts.KindPrefix:
		return o.within(value)
	}
	return o.bySubject[subject{kind, value}]
}

func (o *crowd) within(prefix string) (list []*conn) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return nil
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 { // as verdicts read it
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	for at, conns := range o.byAddress {
		if p.Contains(at) {
			list = append(list, conns...)
		}
	}
	return list
}

// subjects is what is known of the socket beside its address.
func (c *conn) subjects() (list []subject) {
	who := c.who.Load()
	for _, s := range []subject{{verdicts.KindAccount, who.account}, {verdicts.KindSession, who.session}, {verdicts.KindDevice, who.device}} {
		if s.name != "" {
			list = append(list, s)
		}
	}
	return list
}

// plain is the address as verdicts know it: IPv4 is never written as IPv6, and a zone counts for nothing.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
