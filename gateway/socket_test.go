package gateway_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/fault"
	"centinela/shared/module"
)

const upgrade = "GET /v1/chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"

// TestSocketServiceDown: an upgrade to a service that is down is a 503 problem that says when to come again, the very
// first one too (gateway.md, "Proxy"; R3).
func TestSocketServiceDown(t *testing.T) {
	s := start(t).ready()
	s.move(module.ChatRelay, "http://"+closedPort(t))
	for range 2 {
		conn := dial(t, s.addr)
		if _, err := io.WriteString(conn, upgrade+"\r\n"); err != nil {
			t.Fatal(err)
		}
		got, _ := readAnswer(t, conn)
		got.refused(t, 503, fault.CodeUnavailable)
		secured(t, got)
		if got.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
}

// TestSocketServiceHangs: an upgrade that a service takes and never answers ends with a request's time, though a
// socket has none: never a hang (gateway.md, "Proxy"; R3).
func TestSocketServiceHangs(t *testing.T) {
	over := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	t.Cleanup(func() { close(over); hanging.Close() })
	s := start(t, config(func(c *gateway.Config) { c.RequestTimeout = 300 * time.Millisecond })).ready()
	s.move(module.ChatRelay, hanging.URL)
	conn := dial(t, s.addr)
	if _, err := io.WriteString(conn, upgrade+"\r\n"); err != nil {
		t.Fatal(err)
	}
	got, _ := readAnswer(t, conn)
	if detail := got.refused(t, 504, fault.CodeTimeout).problem(t).Detail; !strings.Contains(detail, "took too long") {
		t.Errorf("detail = %q, which isn't what happened", detail)
	}
	for range 2 { // three in all: the breaker knows (AG W7)
		conn := dial(t, s.addr)
		if _, err := io.WriteString(conn, upgrade+"\r\n"); err != nil {
			t.Fatal(err)
		}
		got, _ := readAnswer(t, conn)
		got.refused(t, 504, fault.CodeTimeout)
	}
	s.get("/v1/conversations", person(s.token())).refused(t, 503, fault.CodeUnavailable)
}

// TestSocketTakesNoBody: a body on an upgrade is refused here, and holds nothing up (R2.1).
func TestSocketTakesNoBody(t *testing.T) {
	s := start(t).ready()
	conn := dial(t, s.addr)
	if _, err := io.WriteString(conn, upgrade+"Content-Length: 5\r\n\r\nhello"); err != nil {
		t.Fatal(err)
	}
	got, _ := readAnswer(t, conn)
	got.refused(t, 400, fault.CodeInvalidRequest)
	if n := len(s.chat.requests("/v1/chat")); n != 0 {
		t.Errorf("%d such upgrades reached the service", n)
	}
}

// TestSocketBytesPass: what is sent on a socket arrives as it is, also what came with the handshake, and what reads like an
// answer of net/http's own (R1: nothing sent is lost).
func TestSocketBytesPass(t *testing.T) {
	const text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	raw := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n") // the reader tells
		if _, err := rw.ReadByte(); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(conn, text) // the reader tells
	}))
	t.Cleanup(raw.Close)
	s := start(t).ready()
	s.move(module.ChatRelay, raw.URL)
	for name, early := range map[string]bool{"after_the_answer": false, "with_the_handshake": true} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s.addr)
			first, later := upgrade+"\r\n", "x"
			if early {
				first, later = first+later, ""
			}
			if _, err := io.WriteString(conn, first); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(conn)
			resp, err := http.ReadResponse(reader, nil)
			if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("%v %v", resp, err)
			}
			if _, err := io.WriteString(conn, later); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(reader); err != nil || string(got) != text {
				t.Errorf("%v %q", err, got)
			}
		})
	}
}

// TestSocketsCount: a socket keeps its address's place for as long as it is open (R2.2).
func TestSocketsCount(t *testing.T) {
	s := start(t, connections(100, 3)).ready()
	s.client.CloseIdleConnections()
	var open []net.Conn
	for range 3 {
		var conn net.Conn
		s.within(5*time.Second, http.StatusSwitchingProtocols, func() answer { // the idle ones may still be closing
			conn = dial(t, s.addr)
			if _, err := io.WriteString(conn, upgrade+"\r\n"); err != nil {
				return answer{}
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return answer{}
			}
			return answer{status: resp.StatusCode}
		})
		open = append(open, conn)
	}
	got, _ := readAnswer(t, dial(t, s.addr))
	got.refused(t, 429, fault.CodeTooManyConnections)
	open[0].Close()
	s.within(5*time.Second, http.StatusOK, func() answer {
		conn := dial(t, s.addr)
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"); err != nil {
			return answer{}
		}
		got, _ := readAnswer(t, conn)
		return got
	})
}

// TestClearTextHTTP2: without TLS there is HTTP/1.1 only, by no way that HTTP/2 can begin in clear text.
func TestClearTextHTTP2(t *testing.T) {
	s := start(t)
	for name, request := range map[string]string{
		"prior_knowledge": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"upgrade":         "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s.addr)
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			got, _ := readAnswer(t, conn)
			if got.status == http.StatusSwitchingProtocols || !strings.HasPrefix(got.proto, "HTTP/1.") {
				t.Errorf("%d %s", got.status, got.proto)
			}
		})
	}
}

// TestHead: pages answer HEAD; an operation of the API has the methods that the specification gives it, and no other.
func TestHead(t *testing.T) {
	s := start(t, unchecked).ready()
	for _, path := range []string{"/", "/docs", "/veto", "/openapi.json", "/assets/style.css", "/assets/index.js"} {
		got := s.send(http.MethodHead, path, "").ok(t)
		if got.body != "" || got.header.Get("Content-Length") == "0" {
			t.Errorf("%s: %q, Content-Length %s", path, got.body, got.header.Get("Content-Length"))
		}
		secured(t, got)
	}
	got := s.send(http.MethodHead, "/v1/me", "", person(s.token()))
	if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET" || got.body != "" {
		t.Errorf("%d, Allow %q, %q", got.status, got.header.Get("Allow"), got.body)
	}
	secured(t, got)
}
