package sdk

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
)

// relay is a chat relay of one conversation: it stores, numbers, replays and
// publishes like the real one, and does what a test asks for on the way.
type relay struct {
	t      *testing.T
	server *httptest.Server

	mu       sync.Mutex
	stored   []chatframes.ServerMessage
	sockets  map[*socket]bool
	hellos   []chatframes.ClientHello
	tokens   []string
	history  int // pages of REST history that were asked for
	upgrade  func(r *http.Request) (status int, code string)
	onSend   func(s *socket, f chatframes.ClientSend) (handled bool)
	onStored func(s *socket) (handled bool)
	onPage   func(s *socket, f chatframes.ClientHistory) (handled bool)
	replay   bool
	silent   bool            // no welcome
	left     map[string]bool // conversations that the person is no longer in, as REST says
	taken    int             // frames that came, but for hello
}

// socket is one connection of it.
type socket struct {
	conn    *websocket.Conn
	account string
	mu      sync.Mutex
}

const cnv = "cnv_000000000000000000000001"

func newRelay(t *testing.T) *relay {
	t.Helper()
	r := &relay{t: t, sockets: map[*socket]bool{}, replay: true}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/chat", r.chat)
	mux.HandleFunc("GET /v1/conversations/{id}/messages", r.messages)
	mux.HandleFunc("GET /v1/conversations/{id}", func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.left[q.PathValue("id")] {
			write(t, w, 404, problem{Code: codeConversationNotFound})
			return
		}
		write(t, w, 200, map[string]any{"id": q.PathValue("id"), "last_seq": len(r.stored)})
	})
	mux.HandleFunc("POST /v1/sessions/refresh", func(w http.ResponseWriter, _ *http.Request) { write(t, w, 200, tokens(2, 600)) })
	r.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		r.cutAll()
		r.server.Close()
	})
	return r
}

// session of an account whose access token is its name.
func (r *relay) session(account string) *Session {
	r.t.Helper()
	c, err := New(r.server.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.CloseIdle)
	return c.Restore(Tokens{Account: account, Access: account, AccessExpiry: time.Now().Add(time.Hour).UnixMilli(), Refresh: "r"})
}

func (r *relay) chat(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	upgrade := r.upgrade
	r.tokens = append(r.tokens, q.Header.Get("Authorization"))
	r.mu.Unlock()
	if upgrade != nil {
		if status, code := upgrade(q); status != 0 {
			write(r.t, w, status, problem{Code: code})
			return
		}
	}
	up := websocket.Upgrader{Subprotocols: []string{"centinela.chat.v1"}}
	conn, err := up.Upgrade(w, q, nil)
	if err != nil {
		return
	}
	if conn.Subprotocol() == "" {
		r.t.Error("no sub-protocol was asked for")
	}
	s := &socket{conn: conn, account: strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")}
	defer func() {
		r.mu.Lock()
		delete(r.sockets, s)
		r.mu.Unlock()
		_ = conn.Close()
	}()
	for {
		kind, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.BinaryMessage {
			s.say(chatframes.ServerError{Code: "protocol_violation", Fault: "binary_frame", Detail: "frames are text"})
			continue
		}
		r.take(s, data)
	}
}

func (r *relay) take(s *socket, data []byte) {
	var head struct{ Type string }
	if err := json.Unmarshal(data, &head); err != nil {
		r.t.Error(err)
		return
	}
	in := chatframes.StateReady
	if head.Type == "hello" {
		in = chatframes.StateGreeted
	}
	if _, wrong := chatframes.Check(chatframes.Client, in, data); wrong != nil {
		r.t.Errorf("the SDK sent what a server counts as a violation: %+v", wrong)
		return
	}
	frame := chatframes.NewClient(head.Type)
	if err := json.Unmarshal(data, frame); err != nil {
		r.t.Error(err)
		return
	}
	if head.Type != "hello" {
		r.mu.Lock()
		r.taken++
		r.mu.Unlock()
	}
	switch f := frame.(type) {
	case *chatframes.ClientHello:
		r.hello(s, *f)
	case *chatframes.ClientSend:
		r.send(s, *f)
	case *chatframes.ClientHistory:
		r.mu.Lock()
		handled := r.onPage != nil && r.onPage(s, *f)
		r.mu.Unlock()
		if handled {
			return
		}
		s.say(chatframes.ServerHistory{Conversation: f.Conversation, Messages: r.before(f.Before, int(f.Limit)), More: true})
	}
}

func (r *relay) hello(s *socket, f chatframes.ClientHello) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hellos = append(r.hellos, f)
	if r.silent {
		return
	}
	s.say(chatframes.ServerWelcome{Session: "ses_1", Account: s.account, Limits: chatframes.ServerWelcomeLimits{FrameBytes: 16 << 10}})
	if seen, ok := f.Resume[cnv]; ok {
		gap := !r.replay
		for _, m := range r.stored {
			if m.Seq > seen && !gap {
				s.say(m)
			}
		}
		s.say(chatframes.ServerResumed{Conversation: cnv, From: seen + 1, To: int64(len(r.stored)), Gap: gap})
	}
	r.sockets[s] = true
}

func (r *relay) send(s *socket, f chatframes.ClientSend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.onSend != nil && r.onSend(s, f) {
		return
	}
	m := r.store(s.account, f, s)
	if r.onStored != nil && r.onStored(s) {
		return
	}
	s.say(chatframes.ServerAccepted{ClientID: f.ClientID, Conversation: f.Conversation, Seq: m.Seq, At: m.At})
}

// store numbers a message, once a client_id, and publishes it to everybody but the sending socket.
func (r *relay) store(account string, f chatframes.ClientSend, from *socket) chatframes.ServerMessage {
	for _, m := range r.stored {
		if m.Sender == account && m.ClientID == f.ClientID {
			return m
		}
	}
	m := chatframes.ServerMessage{Conversation: f.Conversation, Seq: int64(len(r.stored)) + 1, ClientID: f.ClientID, Sender: account, Kind: "text", Text: f.Text, At: time.UnixMilli(int64(len(r.stored))).UTC()}
	r.stored = append(r.stored, m)
	for s := range r.sockets {
		if s != from {
			s.say(m)
		}
	}
	return m
}

// write stores a message of somebody else.
func (r *relay) write(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.store("acc_other", chatframes.ClientSend{Conversation: cnv, ClientID: text, Text: text}, nil)
}

// lose stores a message of somebody else, and publishes it to nobody.
func (r *relay) lose(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sockets := r.sockets
	r.sockets = nil
	r.store("acc_other", chatframes.ClientSend{Conversation: cnv, ClientID: text, Text: text}, nil)
	r.sockets = sockets
}

func (r *relay) cutAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.sockets {
		_ = s.conn.NetConn().Close()
	}
}

func (r *relay) before(before int64, limit int) []chatframes.ServerMessage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.page(before, limit)
}

// page is before, for who holds the lock.
func (r *relay) page(before int64, limit int) []chatframes.ServerMessage {
	page := []chatframes.ServerMessage{}
	for _, m := range slices.Backward(r.stored) {
		if (before == 0 || m.Seq < before) && len(page) < limit {
			page = append(page, m)
		}
	}
	return page
}

func (r *relay) messages(w http.ResponseWriter, q *http.Request) {
	number := func(name string) int {
		n, err := strconv.Atoi(q.URL.Query().Get(name))
		if err != nil {
			r.t.Errorf("%s: %v", name, err)
		}
		return n
	}
	r.mu.Lock()
	left := r.left[q.PathValue("id")]
	r.mu.Unlock()
	if left {
		write(r.t, w, 404, problem{Code: codeConversationNotFound})
		return
	}
	page := []any{}
	for _, m := range r.before(int64(number("before")), min(number("limit"), 3)) { // short pages: they are paged through
		page = append(page, map[string]any{"conversation": m.Conversation, "seq": m.Seq, "client_id": m.ClientID, "sender": m.Sender, "kind": m.Kind, "text": m.Text, "at": m.At})
	}
	r.mu.Lock()
	r.history++
	r.mu.Unlock()
	write(r.t, w, 200, map[string]any{"messages": page})
}

// say sends a frame; a connection that is gone is the client's business.
func (s *socket) say(f chatframes.ServerFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := f.Encode()
	if err == nil {
		_ = s.conn.WriteMessage(websocket.TextMessage, data)
	}
}

// sayRaw sends any text.
func (s *socket) sayRaw(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.WriteMessage(websocket.TextMessage, []byte(text))
}
