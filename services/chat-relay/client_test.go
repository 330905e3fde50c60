package chatrelay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
)

// client is a chat socket that holds every frame of the server against the specification.
type client struct {
	t   testing.TB
	ws  *websocket.Conn
	bye *chatframes.ServerBye
}

// door says how a socket is opened; the zero value is a good client without a token in the header.
type door struct {
	address, origin, authorization string
	noProtocol, noService          bool
	caller                         string
}

// dial opens a socket as the gateway would; the status is that of a refusal.
func (w *world) dial(d door) (*client, moduletest.Answer) {
	w.T.Helper()
	ws, resp, err := w.attempt(d)
	if err != nil {
		if !errors.Is(err, websocket.ErrBadHandshake) {
			w.T.Fatal(err)
		}
		body := make([]byte, 1024) // what gorilla keeps of it
		n, _ := resp.Body.Read(body)
		return nil, moduletest.Answer{Status: resp.StatusCode, Body: string(body[:n]), Header: resp.Header}
	}
	resp.Body.Close()
	w.T.Cleanup(func() { ws.Close() })
	return &client{t: w.T, ws: ws}, moduletest.Answer{Status: http.StatusSwitchingProtocols}
}

// attempt is what gorilla says to a handshake.
func (w *world) attempt(d door) (*websocket.Conn, *http.Response, error) {
	w.T.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.URL, nil)
	if err != nil {
		w.T.Fatal(err)
	}
	caller := module.Gateway
	if d.caller != "" {
		caller = d.caller
	}
	if !d.noService {
		w.Services.Authorize(req, caller, module.ChatRelay)
	}
	h := req.Header
	address := "203.0.113.7"
	if d.address != "" {
		address = d.address
	}
	h.Set(httpkit.HeaderClientAddress, address)
	if d.origin != "" {
		h.Set("Origin", d.origin)
	}
	if d.authorization != "" {
		h.Set("Authorization", d.authorization)
	}
	dialer := websocket.Dialer{Subprotocols: []string{chatframes.Subprotocol}, HandshakeTimeout: patience}
	if w.narrow {
		dialer.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return c, c.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
	}
	if d.noProtocol {
		dialer.Subprotocols = nil
	}
	return dialer.DialContext(context.Background(), strings.Replace(w.URL, "http", "ws", 1)+"/v1/chat", h)
}

// connect is person n, greeted.
func (w *world) connect(n int, resume map[string]int64) *client {
	w.T.Helper()
	c := w.open(door{})
	c.send(chatframes.ClientHello{Token: w.token(n), Resume: resume})
	if hello := expect[chatframes.ServerWelcome](c); hello.Account != person(n) || hello.Session != session(n) {
		w.T.Fatalf("welcome %+v", hello)
	}
	return c
}

func (w *world) open(d door) *client {
	w.T.Helper()
	c, a := w.dial(d)
	if c == nil {
		w.T.Fatalf("handshake: %d %s", a.Status, a.Body)
	}
	return c
}

func (c *client) send(f chatframes.ClientFrame) {
	c.t.Helper()
	data, err := f.Encode()
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(websocket.TextMessage, data)
}

func (c *client) raw(kind int, data []byte) {
	c.t.Helper()
	if err := c.ws.WriteMessage(kind, data); err != nil {
		c.t.Fatal(err)
	}
}

// text sends a message and returns what the server says to it.
func (c *client) text(conversation, clientID, text string) chatframes.ServerFrame {
	c.t.Helper()
	c.send(chatframes.ClientSend{ClientID: clientID, Conversation: conversation, Kind: "text", Text: text})
	return c.next()
}

func (c *client) accepted(conversation, clientID, text string) chatframes.ServerAccepted {
	c.t.Helper()
	f, ok := c.text(conversation, clientID, text).(*chatframes.ServerAccepted)
	if !ok {
		c.t.Fatalf("%q was not accepted", clientID)
	}
	return *f
}

// next is the next frame; it fails on one that breaks the specification, and at the end of the connection.
func (c *client) next() chatframes.ServerFrame {
	c.t.Helper()
	f, err := c.read()
	if err != nil {
		c.t.Fatalf("read: %v (bye %+v)", err, c.bye)
	}
	return f
}

func (c *client) read() (chatframes.ServerFrame, error) {
	c.t.Helper()
	if err := c.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		return nil, err
	}
	if _, wrong := chatframes.Check(chatframes.Server, 0, data); kind != websocket.TextMessage || wrong != nil {
		c.t.Fatalf("the server broke the protocol: %+v in %s", wrong, data)
	}
	var head struct{ Type string }
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	f := chatframes.NewServer(head.Type)
	if err := json.Unmarshal(data, f); err != nil {
		return nil, err
	}
	if bye, ok := f.(*chatframes.ServerBye); ok {
		c.bye = bye
	}
	return f, nil
}

// expect is the next frame, which must be of that type.
func expect[T chatframes.ServerFrame](c *client) T {
	c.t.Helper()
	f := c.next()
	p, ok := f.(interface{ FrameType() string })
	var want T
	if !ok || p.FrameType() != want.FrameType() {
		text, _ := f.Encode()
		c.t.Fatalf("got %s, want %s", text, want.FrameType())
	}
	data, err := f.Encode()
	if err == nil {
		err = json.Unmarshal(data, &want)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return want
}

// closed reads to the end and returns the close code; bye holds the last words.
func (c *client) closed() int {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			var closed *websocket.CloseError
			if !errors.As(err, &closed) {
				c.t.Fatalf("ended without a close frame: %v (bye %+v)", err, c.bye)
			}
			return closed.Code
		}
	}
}

func (c *client) closedWith(code int, bye string) {
	c.t.Helper()
	if got := c.closed(); got != code || c.bye == nil || c.bye.Code != bye {
		c.t.Fatalf("closed with %d, bye %+v; want %d, %s", got, c.bye, code, bye)
	}
}

// nothing holds that nothing is waiting: the answer to a ping comes next.
func (c *client) nothing() {
	c.t.Helper()
	c.send(chatframes.ClientPing{})
	expect[chatframes.ServerPong](c)
}

func bearer(token string) string { return fmt.Sprintf("Bearer %s", token) }
