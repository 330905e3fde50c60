package socket

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/clock"
	"centinela/shared/record"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

// pair is one socket of a door without a relay behind it, and its client.
type pair struct {
	server *conn
	client *websocket.Conn
	inner  *spy
	log    *testkit.Buffer
}

// spy is the connection under the wire: it counts writes and can panic.
type spy struct {
	net.Conn
	mu     sync.Mutex
	writes int
	faults int // so many writes panic
}

func (s *spy) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.writes++
	fault := s.faults > 0
	s.faults--
	s.mu.Unlock()
	if fault {
		panic("planted by a test")
	}
	return s.Conn.Write(p)
}

func (s *spy) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// newPair makes one; during is called within its handshake.
func newPair(t *testing.T, during func(c *conn)) *pair {
	t.Helper()
	p := &pair{log: &testkit.Buffer{}}
	d := New(Options{
		Verdicts: verdicts.NewSet(), Clock: clock.NewManual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		Log: slog.New(slog.NewTextHandler(p.log, nil)), Registry: prometheus.NewRegistry(),
		Limits: Limits{
			Max: 10, PerAccount: 10, PerAddress: 10, HelloWithin: time.Minute, FrameBytes: 1 << 10,
			BytesASecond: 1 << 20, PingEvery: time.Minute, PongWithin: time.Minute, WriteWithin: 5 * time.Second, QueueFrames: 64,
		},
	})
	opened := make(chan *conn, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := newConn(d, record.Origin{Address: "203.0.113.7"})
		if err := d.enter(c); err != nil {
			t.Error(err)
			return
		}
		during(c)
		h := &hijacker{ResponseWriter: w, wrap: func(inner net.Conn) *wire {
			p.inner = &spy{Conn: inner}
			return c.wrap(p.inner)
		}}
		ws, err := d.upgrader.Upgrade(h, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		c.attach(ws, h.wire)
		go c.run()
		opened <- c
	}))
	t.Cleanup(server.Close)
	dialer := websocket.Dialer{Subprotocols: []string{chatframes.Subprotocol}}
	ws, resp, err := dialer.DialContext(t.Context(), strings.Replace(server.URL, "http", "ws", 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	p.client, p.server = ws, <-opened
	t.Cleanup(func() {
		ws.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		d.Shut(ctx)
	})
	return p
}

// R3: when the goodbye of a socket whose write loop panicked panics too, the socket is cut, and leaves like any other.
func TestR3PanicInTheGoodbye(t *testing.T) {
	p := newPair(t, nobody)
	p.inner.mu.Lock()
	p.inner.faults = 2
	p.inner.mu.Unlock()
	p.server.Deliver(&room.Update{Typing: &room.Typing{}})
	if err := p.client.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.client.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
		t.Errorf("the connection wasn't cut, but %v", err)
	}
	testkit.Eventually(t, 10*time.Second, func() (bool, string) {
		return testutil.ToFloat64(p.server.door.metrics.open) == 0, "the socket is still counted"
	})
	if n := testutil.ToFloat64(p.server.door.metrics.panics); n != 2 {
		t.Errorf("%v panics", n)
	}
	if log := p.log.String(); strings.Count(log, "panic in a socket") != 2 || !strings.Contains(log, "writeBatch") {
		t.Errorf("log %s", log)
	}
}

// R5.4, R3: a verdict or a shutdown that falls between the count and the connection ends the socket with its goodbye as
// soon as there is one.
func TestVerdictDuringTheHandshake(t *testing.T) {
	p := newPair(t, func(c *conn) { c.close(endRefused(errFirewall)) })
	_, data, err := p.client.ReadMessage()
	if err != nil || !bytes.Contains(data, []byte(`"refused_by_firewall"`)) {
		t.Errorf("%s, %v", data, err)
	}
	if _, _, err := p.client.ReadMessage(); !websocket.IsCloseError(err, closeForbidden) {
		t.Errorf("closed with %v", err)
	}
	if n := testutil.ToFloat64(p.server.door.metrics.panics); n != 0 {
		t.Errorf("%v panics: %s", n, p.log.String())
	}
}

func nobody(*conn) {}

// What is queued together goes out together: 40 frames of a burst are 3 writes, not 40 (design: chat-relay, "How fast").
func TestFramesShareWrites(t *testing.T) {
	p := newPair(t, nobody)
	before := p.inner.count()
	p.server.mu.Lock()
	for range 40 {
		p.server.enqueue(text([]byte(`{"type":"pong"}`)), false)
	}
	p.server.mu.Unlock()
	for range 40 {
		if _, data, err := p.client.ReadMessage(); err != nil || !bytes.Equal(data, []byte(`{"type":"pong"}`)) {
			t.Fatalf("%s, %v", data, err)
		}
	}
	if n := p.inner.count() - before; n != 3 {
		t.Errorf("%d writes", n)
	}
}

// At half a queue typing is shed, and what is not typing stays.
func TestTypingIsShedAtHalfAQueue(t *testing.T) {
	p := newPair(t, nobody)
	c := p.server
	c.mu.Lock()
	c.writing = true // nobody takes from the queue meanwhile
	for i := range 40 {
		c.mu.Unlock()
		u := &room.Update{Accepted: &room.Message{}}
		if i%2 == 0 {
			u = &room.Update{Typing: &room.Typing{}}
		}
		c.Deliver(u)
		c.mu.Lock()
	}
	queued := len(c.queue)
	c.queue, c.writing = nil, false
	c.mu.Unlock()
	// 16 pairs fill half of 64; of the last 4 one of each pair is left out.
	if shed := testutil.ToFloat64(c.door.metrics.shed); queued != 36 || shed != 4 {
		t.Errorf("%d queued, %v shed", queued, shed)
	}
}

// R2.1: who doesn't read is told so, and gets nothing more of what waited for it.
func TestSlowEndSaysNothingElse(t *testing.T) {
	p := newPair(t, nobody)
	c := p.server
	c.mu.Lock()
	c.writing = true // nobody takes from the queue meanwhile
	for range 64 {
		c.enqueue(text([]byte(`{}`)), false)
	}
	c.enqueue(text([]byte(`{}`)), false)
	queued, ended := len(c.queue), *c.ended
	c.writing = false
	c.startWriter()
	c.mu.Unlock()
	if queued != 2 || ended != endSlow {
		t.Errorf("%d frames after %+v", queued, ended)
	}
	_, data, err := p.client.ReadMessage()
	if err != nil || !bytes.Contains(data, []byte(`"slow_consumer"`)) {
		t.Errorf("%s, %v", data, err)
	}
}

// A shutdown that runs out of time during a handshake cuts the connection as soon as there is one.
func TestCutDuringTheHandshake(t *testing.T) {
	p := newPair(t, func(c *conn) {
		c.close(endStopping)
		c.close(endBroken)
	})
	if err := p.client.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, data, err := p.client.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
		t.Errorf("%s, %v", data, err)
	}
}
