package main

import (
	"net/http"
	"slices"
	"sync"

	"github.com/gorilla/websocket"
)

// acknowledged is what the hub answers a sender: as many frames as the suite sends, so that both sides count alike.
const acknowledged = `{"type":"accepted"}`

// hub is the baseline of the chat: a bare gorilla/websocket hub. A goroutine reads, another writes, up to corked frames in
// one write; what comes goes to everybody else in the room (`/?room=x`), and nothing is stored, checked or logged. A full
// queue makes the sender wait, so that nothing is lost.
type hub struct {
	upgrader websocket.Upgrader
	mu       sync.RWMutex
	rooms    map[string][]*guest
}

type guest struct {
	conn  *websocket.Conn
	queue chan []byte
	gone  chan struct{}
}

func newHub() *hub {
	return &hub{rooms: map[string][]*guest{}, upgrader: websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}}
}

// ServeHTTP runs one socket.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	g, room := &guest{conn: conn, queue: make(chan []byte, 256), gone: make(chan struct{})}, r.URL.Query().Get("room")
	h.change(room, func(all []*guest) []*guest { return append(all, g) })
	go g.write()
	defer func() {
		h.change(room, func(all []*guest) []*guest {
			return slices.DeleteFunc(all, func(other *guest) bool { return other == g })
		})
		close(g.gone)
		_ = conn.Close() // the peer is gone
	}()
	for {
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return
		}
		for _, other := range h.in(room) {
			if other != g {
				other.push(frame)
			}
		}
		g.push([]byte(acknowledged))
	}
}

// change replaces the list of a room: who reads one may keep it.
func (h *hub) change(room string, how func([]*guest) []*guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rooms[room] = how(slices.Clone(h.rooms[room]))
}

func (h *hub) in(room string) []*guest {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.rooms[room]
}

func (g *guest) push(frame []byte) {
	select {
	case g.queue <- frame:
	case <-g.gone:
	}
}

// corked is how many frames may share a write.
const corked = 16

func (g *guest) write() {
	var out []byte
	for {
		select {
		case frame := <-g.queue:
			out = appendServerFrame(out[:0], frame)
			for n := 1; n < corked && len(g.queue) > 0; n++ {
				out = appendServerFrame(out, <-g.queue)
			}
			if _, err := g.conn.NetConn().Write(out); err != nil {
				_ = g.conn.Close() // the reader ends, and with it the socket
				return
			}
		case <-g.gone:
			return
		}
	}
}
