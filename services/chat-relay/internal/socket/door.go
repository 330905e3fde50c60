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

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/access"
	"centinela/shared/bounded"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/record"
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
	Record   func(ctx context.Context, events ...record.Event) error // returns when they are on disk
	Ended    func(session string)                                    // called when a session's socket is closed
	People   *access.Verifier
	Verdicts *verdicts.Set
	Heard    func(ctx context.Context) error // nil when the verdicts are known (verdicts.Feed)
	Clock    clock.Clock
	Log      *slog.Logger
	Registry prometheus.Registerer
	Limits   Limits
}

// Door lets sockets in and knows all that are open.
type Door struct {
	Options
	metrics   *metrics
	violators *bounded.Map[string, tally] // by address
	upgrader  websocket.Upgrader
	corks     *sync.Pool
	frames    *sync.Pool

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
		Options: opts, metrics: newMetrics(opts.Registry), violators: bounded.New[string, tally](maxWatched), running: running, stop: stop,
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
	if !originAllowed(r) {
		return nil, errOrigin
	}
	if !slices.Contains(websocket.Subprotocols(r), chatframes.Subprotocol) || !websocket.IsWebSocketUpgrade(r) {
		return nil, errHandshake
	}
	if err := d.Heard(r.Context()); err != nil {
		return nil, err
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
		c.state = chatframes.StateGreeted
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
	addr, _ := netip.ParseAddr(address) // none where it can't be read
	if f := refusal(d.Verdicts.Check(verdicts.Client{Addr: addr, Account: account, Session: session}, d.Clock.Now())); f != nil {
		return f
	}
	return nil
}

// originAllowed: a browser says which page connects, and other clients say nothing. Pages of our own host may. The gateway
// passes the host along that the browser asked for, and that of a page which gateway.origins lists as our own.
func originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" &&
		(strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, r.Header.Get("X-Forwarded-Host")))
}
