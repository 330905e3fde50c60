package socket

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
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
	"centinela/services/chat-relay/internal/room"
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
	Chat     *room.Chat
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

	running context.Context // of commands: ends when the door was shut and whoever was left is cut off
	stop    context.CancelFunc

	mu        sync.Mutex
	shut      bool
	conns     crowd
	byAddress map[string]int
	inside    sync.WaitGroup
}

// New makes a Door.
func New(opts Options) *Door {
	running, stop := context.WithCancel(context.Background())
	return &Door{
		Options: opts, metrics: newMetrics(opts.Registry), watch: newWatch(opts.Clock), running: running, stop: stop,
		upgrader: websocket.Upgrader{
			ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes, WriteBufferPool: &sync.Pool{},
			Subprotocols: []string{chatframes.Subprotocol},
			CheckOrigin:  func(*http.Request) bool { return true },                // Open has checked it
			Error:        func(http.ResponseWriter, *http.Request, int, error) {}, // Open returns it
		},
		corks:  &sync.Pool{New: func() any { return new([]byte) }},
		frames: &sync.Pool{New: func() any { b := make([]byte, opts.Limits.FrameBytes+1); return &b }},
		conns:  newCrowd(), byAddress: map[string]int{},
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
		who := *c.who.Load()
		who.account, who.session, who.expires = claims.Account, claims.Session, claims.ExpiresAt
		c.who.Store(&who)
		c.automaton.Advance(chatframes.StateGreeted)
	}
	if v, refused := d.check(c); refused {
		return nil, refusal(v)
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
func refusal(v verdicts.Verdict) *fault.Error {
	if v.Kind == verdicts.KindSession {
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
	if v, refused := d.Verdicts.Check(addr, account, session, "", d.Clock.Now()); refused {
		return refusal(v)
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
func (d *Door) check(c *conn) (verdicts.Verdict, bool) {
	who := c.who.Load()
	return d.Verdicts.Check(c.address, who.account, who.session, who.device, d.Clock.Now())
}

// enter counts the socket in, by address.
func (d *Door) enter(c *conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := addressKey(c.address)
	switch {
	case d.shut, len(d.conns.all) >= d.Limits.Sockets:
		return errFull
	case key != "" && d.byAddress[key] >= d.Limits.SocketsPerAddress:
		return errConnections
	}
	d.conns.add(c)
	d.byAddress[key]++
	d.inside.Add(1)
	d.metrics.open.Inc()
	return nil
}

// know says who the socket is of.
func (d *Door) know(c *conn, who *identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns.remove(c)
	c.who.Store(who)
	d.conns.add(c)
}

// join counts the socket in by account; false when there are too many.
func (d *Door) join(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	joined := 0
	for _, other := range d.conns.of(verdicts.KindAccount, c.who.Load().account) {
		if other.joined {
			joined++
		}
	}
	if joined >= d.Limits.SocketsPerAccount {
		return false
	}
	c.joined = true
	d.metrics.ready.Inc()
	return true
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns.remove(c)
	key := addressKey(c.address)
	if d.byAddress[key]--; d.byAddress[key] <= 0 {
		delete(d.byAddress, key)
	}
	d.metrics.open.Dec()
	if c.joined {
		d.metrics.ready.Dec()
	}
	d.inside.Done()
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
		if v, refused := d.check(c); refused {
			c.close(endVerdict(v))
		}
	}
}

// Revoke closes the sockets of what is over, by auth's own word, whatever became of audit.
func (d *Door) Revoke(over revocation.Change) {
	kind := verdicts.KindSession
	if over.Kind == revocation.Account {
		kind = verdicts.KindAccount
	}
	d.mu.Lock()
	named := slices.Clone(d.conns.of(kind, over.ID))
	d.mu.Unlock()
	for _, c := range named {
		c.close(endRevoked)
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
			d.expire(d.Clock.Now())
		}
	}
}

func (d *Door) expire(now time.Time) {
	for _, c := range d.expired(now) {
		c.close(endExpired)
	}
}

// expired is short for each socket: there are thousands, and it holds the lock of whoever comes and goes.
func (d *Door) expired(now time.Time) (list []*conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns.all {
		if at := c.who.Load().expires; !at.IsZero() && !at.After(now) {
			list = append(list, c)
		}
	}
	return list
}

func (d *Door) all() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.conns.all))
}

// Panicked reports a panic that happened elsewhere behind somebody's command.
func (d *Door) Panicked(loop string, from record.Origin, cause any, stack []byte) {
	d.metrics.panics.Inc()
	d.Log.Error("panic in a socket", "request_id", from.RequestID, "loop", loop, "panic", fmt.Sprint(cause), "stack", string(stack))
}

// Shut lets nobody in any more, says goodbye to all, and waits until they are gone or ctx ends; then it cuts them off.
func (d *Door) Shut(ctx context.Context) {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	for _, c := range d.all() {
		c.close(endStopping)
	}
	gone := make(chan struct{})
	go func() { d.inside.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-ctx.Done():
		for _, c := range d.all() {
			c.close(endBroken)
		}
	}
	d.stop()
	<-gone
}
