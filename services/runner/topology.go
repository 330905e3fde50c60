package runner

import (
	"context"
	"fmt"
	"net"

	"centinela/shared/module"
)

// operations is the name of the operations listener among the bound ones.
const operations = "operations"

// loopback are the addresses of this machine that are tried, in this order, where
// the configuration says nothing: a machine may have IPv6 only.
var loopback = []string{"127.0.0.1", "::1"}

// local is the first of hosts that this machine has.
func local(hosts []string) string {
	for _, host := range hosts {
		if l, err := bind(net.JoinHostPort(host, "0")); err == nil {
			_ = l.Close() // it was only asked for
			return host
		}
	}
	return hosts[0] // whoever binds it says what is wrong
}

// topology is where the parts of one target listen, and where they find the others.
type topology struct {
	cfg     Config
	targets []row
	host    string // for addresses that the configuration leaves open
	bound   map[string]net.Listener
}

func (c Config) topology(targets []row) *topology {
	return &topology{cfg: c, targets: targets, host: local(loopback), bound: map[string]net.Listener{}}
}

func (t *topology) together() bool { return len(t.targets) > 1 }

// listen is where a part binds: as configured, else any free loopback port when all
// run together, else its standard port. key is what to set to change it.
func (t *topology) listen(r row) (address, key string) {
	part := t.cfg.parts[r.name]
	switch {
	case r.public:
		return t.cfg.gateway().Listen, r.key() + ".listen"
	case part.peer.Listen != "":
		address = part.peer.Listen
	case t.together():
		address = net.JoinHostPort(t.host, "0")
	default:
		address = net.JoinHostPort(t.host, r.port)
	}
	return address, "services." + r.key() + ".listen"
}

func (t *topology) ops() (address, key string) {
	if t.together() {
		return t.cfg.Ops.Listen, "ops.listen"
	}
	r := t.targets[0]
	address, key = t.cfg.parts[r.name].ops.Ops, "services."+r.key()+".ops"
	if address == "" {
		address = net.JoinHostPort(t.host, r.opsPort)
	}
	return address, key
}

// bindAll binds every listener, so that a port in use is a line for each and not
// half a suite. It keeps none when one fails.
func (t *topology) bindAll() []error {
	var errs []error
	one := func(name, address, key string) {
		l, err := bind(address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: cannot listen on %s: %w (stop what uses it, or set %s)", name, address, err, key))
			return
		}
		t.bound[name] = l
	}
	for _, r := range t.targets {
		address, key := t.listen(r)
		one(r.name, address, key)
	}
	address, key := t.ops()
	one(operations, address, key)
	if len(errs) > 0 {
		t.closeAll()
	}
	return errs
}

// peerURL says where a peer is: as configured, else where it was bound in this
// process, else its standard port.
func (t *topology) peerURL(service string) string {
	r := rows(service)[0]
	if url := t.cfg.parts[service].peer.URL; url != "" {
		return url
	}
	if l, ok := t.bound[service]; ok {
		return "http://" + l.Addr().String()
	}
	return "http://" + net.JoinHostPort(t.host, r.port)
}

// publicURL is where people reach the gateway, as far as this process can know.
func (t *topology) publicURL() string {
	switch l, here := t.bound[module.Gateway]; {
	case here:
		return t.cfg.gateway().PublicURL(l.Addr())
	case t.cfg.gateway().PublicBase != "":
		return t.cfg.gateway().PublicBase
	default:
		return "http://" + t.cfg.gateway().Listen
	}
}

func bind(address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", address) // binding doesn't wait
	if err != nil {
		return nil, rootCause(err)
	}
	return l, nil
}

func (t *topology) closeAll() {
	for _, l := range t.bound {
		_ = l.Close() // nobody was promised anything on it, or its server has closed it
	}
	clear(t.bound)
}
