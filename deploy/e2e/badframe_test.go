package e2e

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// exchange sends a text frame and returns what comes next.
func exchange(t *testing.T, conn *websocket.Conn, frame string) string {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	return next(t, conn)
}

func next(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(settleTime)); err != nil {
		t.Fatal(err)
	}
	_, frame, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(frame)
}

// R5.4, R2.1: a frame that breaks the protocol is refused with an error frame
// that names the fault, or closes its socket; the suite and the others go on.
func TestBadFrames(t *testing.T) {
	for _, top := range topologies {
		t.Run(string(top), func(t *testing.T) {
			s := start(t, top, onSQLite)
			ana := s.join(t.Context())
			for name, c := range map[string]struct {
				kind  int
				frame string
				fault string
			}{
				"binary":                     {websocket.BinaryMessage, "\x52", "binary_frame"},
				"no JSON":                    {websocket.TextMessage, "\x52", "not_json"},
				"a type that no state takes": {websocket.TextMessage, `{"type":"0x52"}`, "unknown_type"},
				"out of state":               {websocket.TextMessage, `{"type":"hello"}`, "wrong_state"},
				"extra field":                {websocket.TextMessage, `{"type":"ping","admin":true}`, "unknown_field"},
				"operator for a string":      {websocket.TextMessage, `{"type":"typing","conversation":{"$gt":""}}`, "wrong_type"},
				"field twice":                {websocket.TextMessage, `{"type":"ping","type":"ping"}`, "duplicate_field"},
			} {
				t.Run(name, func(t *testing.T) {
					conn := s.greetedFrom(t, ana, randomAddress(t))
					if err := conn.WriteMessage(c.kind, []byte(c.frame)); err != nil {
						t.Fatal(err)
					}
					var answer struct{ Type, Code, Fault, Detail string }
					if err := json.Unmarshal([]byte(next(t, conn)), &answer); err != nil {
						t.Fatal(err)
					}
					if answer.Type != "error" || answer.Code != "protocol_violation" || answer.Fault != c.fault || answer.Detail == "" {
						t.Errorf("answered %+v", answer)
					}
					if pong := exchange(t, conn, `{"type":"ping"}`); !strings.Contains(pong, `"pong"`) {
						t.Errorf("after one fault the socket says %s", pong)
					}
				})
			}
			t.Run("before the hello", func(t *testing.T) {
				conn, _, err := s.dial(map[string]string{"X-Dev-Address": randomAddress(t)})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				frame := exchange(t, conn, `{"type":"history","conversation":"cnv_000000000000000000000000","limit":1}`)
				if !strings.Contains(frame, `"wrong_state"`) {
					t.Errorf("answered %s", frame)
				}
			})
			t.Run("oversized", func(t *testing.T) {
				conn := s.greetedFrom(t, ana, randomAddress(t))
				big := `{"type":"send","client_id":"x","conversation":"cnv_000000000000000000000000","kind":"text","text":"` + strings.Repeat("a", 20<<10) + `"}`
				if err := conn.WriteMessage(websocket.TextMessage, []byte(big)); err != nil {
					t.Fatal(err)
				}
				closedWith(t, conn, websocket.CloseMessageTooBig)
			})
			t.Run("three in ten minutes", func(t *testing.T) {
				conn := s.greetedFrom(t, ana, randomAddress(t))
				for range 3 {
					if err := conn.WriteMessage(websocket.BinaryMessage, []byte{0x52}); err != nil {
						t.Fatal(err)
					}
				}
				closedWith(t, conn, websocket.ClosePolicyViolation)
			})
			if _, err := ana.session.Me(t.Context()); err != nil {
				t.Errorf("after all that: %v", err)
			}
		})
	}
}

// greetedFrom is a ready socket from an address of its own: violations are
// counted by address, and a test must not refuse the others.
func (s *world) greetedFrom(t *testing.T, who person, address string) *websocket.Conn {
	t.Helper()
	conn, _, err := s.dial(map[string]string{"Authorization": "Bearer " + who.session.Tokens().Access, "X-Dev-Address": address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have been first
	if frame := exchange(t, conn, `{"type":"hello"}`); !strings.Contains(frame, `"welcome"`) {
		t.Fatalf("no welcome: %s", frame)
	}
	return conn
}

// closedWith reads to the end, which must be the server's, with that code.
func closedWith(t *testing.T, conn *websocket.Conn, code int) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(settleTime)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, _, err := conn.ReadMessage(); err != nil {
			var closed *websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != code {
				t.Errorf("ended with %v, not with %d", err, code)
			}
			return
		}
	}
}
