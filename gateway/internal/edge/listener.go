package edge

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/ratelimit"
)

// Limits are how many connections may be open at once.
type Limits struct {
	Max        int            // in all
	PerAddress int            // from one address, IPv6 from one /64
	Exempt     []netip.Prefix // proxies in front: many clients come from one of their addresses
	// Plain says that the connections carry HTTP without TLS, so that a refusal
	// can be said as a problem document.
	Plain bool
	// Unreadable is told who sent what net/http answers by itself, and says whether
	// it may.
	Unreadable func(netip.Addr) bool
}

// Listener limits open connections: in all, and per address, with IPv6 by /64
// (R2.2). One that is too many is told so and closed; the ones inside go on.
type Listener struct {
	net.Listener
	limits   Limits
	refused  *prometheus.CounterVec
	refusing chan struct{} // bounds how many refusals are being said at once

	mu     sync.Mutex
	total  int
	counts map[string]int
}

// Limit wraps l and registers its metrics.
func Limit(l net.Listener, limits Limits, reg prometheus.Registerer) *Listener {
	limited := &Listener{
		Listener: l, limits: limits, counts: map[string]int{}, refusing: make(chan struct{}, maxRefusing),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "centinela_gateway_connections_refused_total",
			Help: "Connections over the limit, by which limit.",
		}, []string{"limit"}),
	}
	reg.MustRegister(limited.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "centinela_gateway_connections_open",
		Help: "Open connections on the public listener.",
	}, func() float64 { return float64(limited.Open()) }))
	return limited
}

// Open is the number of open connections.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Accept returns the next connection within the limits.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		key, exempt := l.addressOf(conn)
		if limit := l.enter(key, exempt); limit != "" {
			l.refused.WithLabelValues(limit).Inc()
			l.refuse(conn)
			continue
		}
		return &counted{Conn: conn, leave: func() { l.leave(key) }, unreadable: l.limits.Unreadable, plain: l.limits.Plain}, nil
	}
}

// enter counts a connection in, or names the limit that it is over.
func (l *Listener) enter(key string, exempt bool) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.total >= l.limits.Max:
		return "all"
	case !exempt && l.counts[key] >= l.limits.PerAddress:
		return "address"
	}
	l.total++
	l.counts[key]++
	return ""
}

func (l *Listener) leave(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.counts[key]--; l.counts[key] == 0 {
		delete(l.counts, key)
	}
}

// addressOf is the key that a connection is counted by, and whether it comes
// from a proxy that may hold as many as it likes.
func (l *Listener) addressOf(conn net.Conn) (key string, exempt bool) {
	addr, ok := peerOf(conn)
	if !ok {
		return conn.RemoteAddr().String(), false
	}
	return ratelimit.KeyOf(addr), slices.ContainsFunc(l.limits.Exempt, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func peerOf(conn net.Conn) (netip.Addr, bool) {
	parsed, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return parsed.Addr().Unmap().WithZone(""), err == nil
}
