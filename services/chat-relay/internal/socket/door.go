package socket

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/access"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/ratelimit"
	"centinela/shared/record"
	"centinela/shared/revocation"
	"centinela/shared/verdicts"
)

// Why a socket isn't opened.
var (
	errOrigin      = fault.New(fault.KindForbidden, fault.CodeOriginNotAllowed, "pages of this origin may not open a chat socket")
	errConnections = fault.New(fault.KindTooMany, fault.CodeTooManyConnections, "too many sockets are open from here")
	errFull        = fault.New(fault.KindUnavailable, fault.CodeBusy, "the relay holds all the sockets it can")
	errFirewall    = fault.New(fault.KindForbidden, fault.CodeRefusedByFirewall, "refused for now")
	errRevoked     = fault.New(fault.KindUnauthenticated, fault.CodeSessionRevoked, "the session was ended")
	errHandshake   = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "not a WebSocket handshake for "+chatframes.Subprotocol)
)

// Options are what a Door is made of.
type Options struct {
	Relay    *relay.Relay
	People   *access.Verifier
	Verdicts *verdicts.Set
	Clock    clock.Clock
	Log      *slog.Logger
	Registry prometheus.Registerer
	Limits   Limits
	Origins  []string // of pages that may connect, beside those of our own host
}

// Door lets sockets in and knows all that are open.
type Door struct {
	Options
	metrics  *metrics
	watch    *watch
	upgrader websocket.Upgrader
	corks    *sync.Pool
	frames   *sync.Pool

	mu        sync.Mutex
	shut      bool
	conns     map[*conn]struct{}
	byAccount map[string]int
	byAddress map[string]int
	running   sync.WaitGroup
}

// New makes a Door.
func New(opts Options) *Door {
	return &Door{
		Options: opts, metrics: newMetrics(opts.Registry), watch: newWatch(opts.Clock),
		upgrader: websocket.Upgrader{
			ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes, WriteBufferPool: &sync.Pool{},
			Subprotocols: []string{chatframes.Subprotocol},
			CheckOrigin:  func(*http.Request) bool { return true },                // Open has checked it
			Error:        func(http.ResponseWriter, *http.Request, int, error) {}, // Open returns it
		},
		corks:  &sync.Pool{New: func() any { return new([]byte) }},
		frames: &sync.Pool{New: func() any { b := make([]byte, opts.Limits.FrameBytes+1); return &b }},
		conns:  map[*conn]struct{}{}, byAccount: map[string]int{}, byAddress: map[string]int{},
	}
}

// Open answers a handshake and returns as soon as the socket runs by itself. An error is one that is still to be
// answered: the origin, the firewall, a bad token, too many sockets, or no handshake at all.
func (d *Door) Open(w http.ResponseWriter, r *http.Request, from record.Origin) error {
	c, err := d.open(w, r, from)
	if err != nil {
		d.metrics.rejected.WithLabelValues(string(fault.From(err).Code)).Inc()
		return err
	}
	go c.run()
	return nil
}

func (d *Door) open(w http.ResponseWriter, r *http.Request, from record.Origin) (*conn, error) {
	if !d.originAllowed(r) {
		return nil, errOrigin
	}
	if !slices.Contains(websocket.Subprotocols(r), chatframes.Subprotocol) || !websocket.IsWebSocketUpgrade(r) {
		return nil, errHandshake
	}
	c := newConn(d, from)
	if header := r.Header.Get("Authorization"); header != "" {
		token, ok := strings.CutPrefix(header, "Bearer ")
		if !ok {
			return nil, access.ErrTokenInvalid
		}
		claims, err := d.People.Verify(r.Context(), token)
		if err != nil {
			return nil, err
		}
		c.greeted(claims)
	}
	if err := refusal(d.check(c)); err != nil {
		return nil, err
	}
	if err := d.enter(c); err != nil {
		return nil, err
	}
	h, opened := &hijacker{ResponseWriter: w, wrap: c.wrap}, false
	defer func() { // also when a panic passes: nobody else would take it out
		if opened {
			return
		}
		d.leave(c)
		if h.wire != nil {
			_ = h.wire.Close() // it is over either way
		}
	}()
	ws, err := d.upgrader.Upgrade(h, r, nil)
	if err != nil {
		return nil, errHandshake.WithCause(err)
	}
	c.attach(ws, h.wire)
	opened = true
	return c, nil
}

// refusal says what a verdict means to the person.
func refusal(d verdicts.Decision) *fault.Error {
	switch {
	case d.Action != verdicts.Refuse:
		return nil
	case d.Verdict.Names(verdicts.KindSession):
		return errRevoked
	}
	return errFirewall
}

// Admit holds a request that is no socket against the same verdicts: nil, or what to answer.
func (d *Door) Admit(address, account, session string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		addr = netip.Addr{}
	}
	if f := refusal(d.Verdicts.Check(verdicts.Client{Addr: addr, Account: account, Session: session}, d.Clock.Now())); f != nil {
		return f
	}
	return nil
}

// originAllowed: a browser says which page connects, and other clients say nothing. Without a list, pages of our own
// host may; the gateway passes the host that the browser asked for along.
func (d *Door) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(d.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || len(d.Origins) > 0 {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host"))
}

// check asks the firewall about everything that is known of the socket.
func (d *Door) check(c *conn) verdicts.Decision {
	account, session, device := c.identity()
	return d.Verdicts.Check(verdicts.Client{Addr: c.address, Account: account, Session: session, Device: device}, d.Clock.Now())
}

// enter counts the socket in, by address.
func (d *Door) enter(c *conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := addressKey(c.address)
	switch {
	case d.shut, len(d.conns) >= d.Limits.Sockets:
		return errFull
	case key != "" && d.byAddress[key] >= d.Limits.SocketsPerAddress:
		return errConnections
	}
	d.conns[c] = struct{}{}
	d.byAddress[key]++
	d.running.Add(1)
	d.metrics.open.Inc()
	return nil
}

// join counts the socket in by account; false when there are too many.
func (d *Door) join(c *conn, account string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byAccount[account] >= d.Limits.SocketsPerAccount {
		return false
	}
	d.byAccount[account]++
	c.joined = account
	d.metrics.ready.Inc()
	return true
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
	decrement(d.byAddress, addressKey(c.address))
	d.metrics.open.Dec()
	if c.joined != "" {
		decrement(d.byAccount, c.joined)
		d.metrics.ready.Dec()
	}
	d.running.Done()
}

func decrement(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// addressKey is "" for an unknown address, which has no limit of its own.
func addressKey(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return ratelimit.KeyOf(addr)
}

// Enforce closes every socket that the firewall refuses by now: a revoked session's within a second (design:
// chat-relay, "Revocation"). Call it when verdicts changed.
func (d *Door) Enforce() {
	for _, c := range d.all() {
		if why := refusal(d.check(c)); why != nil {
			c.refuse(why)
		}
	}
}

// Revoke closes the sockets of what is over, by auth's own word, whatever became of audit.
func (d *Door) Revoke(over revocation.Change) {
	for _, c := range d.all() {
		account, session, _ := c.identity()
		if (over.Kind == revocation.Session && session == over.ID) || (over.Kind == revocation.Account && account == over.ID) {
			c.end(ending{closeForbidden, string(errRevoked.Code), errRevoked.Detail})
		}
	}
}

// Watch ends each socket whose access token has ended, until ctx ends. A session that is over, or whose revocation was
// not heard of because audit was down, gets no further token: so none outlives its session by more than a token's life.
func (d *Door) Watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			d.expire()
		}
	}
}

func (d *Door) expire() {
	for _, c := range d.ended(d.Clock.Now().UnixMilli()) {
		c.end(ending{closeUnauthorized, string(fault.CodeTokenExpired), "the access token has ended; connect again with a fresh one"})
	}
}

// ended is short for each socket: there are thousands, and it holds the lock of whoever comes and goes.
func (d *Door) ended(now int64) (list []*conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		if at := c.expires.Load(); at != 0 && at <= now {
			list = append(list, c)
		}
	}
	return list
}

func (d *Door) all() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]*conn, 0, len(d.conns))
	for c := range d.conns {
		list = append(list, c)
	}
	return list
}

// Shut lets nobody in any more, says goodbye to all, and waits until they are gone or ctx ends; then it cuts them off.
func (d *Door) Shut(ctx context.Context) {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	for _, c := range d.all() {
		c.end(ending{closeGoingAway, string(fault.CodeUnavailable), "the server stops; connect again"})
	}
	gone := make(chan struct{})
	go func() { d.running.Wait(); close(gone) }()
	select {
	case <-gone:
		return
	case <-ctx.Done():
	}
	for _, c := range d.all() {
		c.cut()
	}
	<-gone
}
