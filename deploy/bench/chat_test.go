package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// The frames that the generator writes and reads are those of RFC 6455, as gorilla/websocket has them.
func TestFrames(t *testing.T) {
	long := strings.Repeat("x", 5000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for {
			kind, data, err := conn.ReadMessage()
			if err != nil {
				return
			}
			if err := errors.Join(conn.WriteControl(websocket.PingMessage, []byte("p"), time.Now().Add(time.Second)), conn.WriteMessage(kind, data)); err != nil {
				t.Error(err)
			}
		}
	}))
	defer server.Close()
	s, err := dialChat(t.Context(), strings.Replace(server.URL, "http", "ws", 1), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.conn.Close()
	if err := s.conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "a", strings.Repeat("y", 125), strings.Repeat("z", 126), long} {
		if err := s.write(opText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if op, data, err := s.frames.next(); err != nil || op != opPing || string(data) != "p" {
			t.Fatalf("op %d %q %v, want a ping", op, data, err)
		}
		if op, data, err := s.frames.next(); err != nil || op != opText || string(data) != text {
			t.Fatalf("op %d, %d bytes, %v; want %d bytes", op, len(data), err, len(text))
		}
	}
}

func TestFramesThatNoServerSends(t *testing.T) {
	for name, raw := range map[string][]byte{
		"fragment":     {0x01, 1, 'a'},
		"continuation": {0x80, 1, 'a'},
		"masked":       appendFrame(nil, opText, []byte("a")),
		"huge":         {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0},
		"too long":     append([]byte{0x81, 126, 0xff, 0xff}, make([]byte, 0xffff)...),
		"cut":          {0x81, 5, 'a'},
		"empty":        {},
	} {
		if _, _, err := newFrameReader(bytes.NewReader(raw)).next(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// through opens sockets at a hub, with how the test changes its frames.
func through(t *testing.T, handler http.Handler, rooms []string, seats ...seat) *crowd {
	t.Helper()
	bare := httptest.NewServer(handler)
	address := strings.TrimPrefix(bare.URL, "http://")
	open := func(ctx context.Context, _ int, room string) (*chatSocket, error) {
		return server{address: address}.dial(ctx, room)
	}
	c, err := gather(t.Context(), open, rooms, seats, 4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.leave(); bare.Close() })
	return c
}

// Every message reaches everybody else in its room, and nobody in another; what is counted is that.
func TestCrowdCountsDeliveries(t *testing.T) {
	c := through(t, newHub(), []string{"a", "b"},
		seat{room: 0, sender: true}, seat{room: 0, timed: true}, seat{room: 0}, seat{room: 1, sender: true}, seat{room: 1, sender: true})
	deliveries, took, err := c.flood(50 * time.Millisecond)
	if err != nil || took <= 0 {
		t.Fatal(took, err)
	}
	sent := []int64{c.sockets[0].sent, c.sockets[3].sent, c.sockets[4].sent}
	if want := int(2*sent[0] + sent[1] + sent[2]); deliveries != want || want == 0 {
		t.Errorf("%d deliveries of %v messages, want %d", deliveries, sent, want)
	}
	if got := c.sockets[1].got.Load(); got != sent[0] {
		t.Errorf("socket 1 got %d of %d", got, sent[0])
	}
	if n := len(c.sockets[1].latencies); int64(n) != sent[0] {
		t.Errorf("%d latencies of %d messages", n, sent[0])
	}
	latencies, err := c.pace(1000, 20*time.Millisecond)
	if err != nil || len(latencies) == 0 {
		t.Fatal(len(latencies), err)
	}
	for _, l := range latencies {
		if l <= 0 || l > time.Minute {
			t.Errorf("a latency of %s", l)
		}
	}
}

// A server that loses a message, or brings one twice, breaks the run: a number of such a server is none.
func TestCrowdSeesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		answer []string // to each frame
		says   string
	}{
		"lost":         {[]string{acknowledged}, "arrived"},
		"twice":        {[]string{acknowledged, `{"type":"message","text":"1234567890123456789"}`, `{"type":"message","text":"1234567890123456789"}`}, "delivered"},
		"refused":      {[]string{`{"type":"refused","code":"too_many_messages"}`}, "too_many_messages"},
		"accepted 6 x": {[]string{acknowledged, acknowledged, acknowledged, acknowledged, acknowledged, acknowledged}, "more messages"},
	} {
		t.Run(name, func(t *testing.T) {
			crowd := through(t, answering(c.answer), []string{"a"}, seat{sender: true}, seat{sender: true})
			crowd.wait = 200 * time.Millisecond
			if _, _, err := crowd.flood(20 * time.Millisecond); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want something of %q", err, c.says)
			}
		})
	}
}

// answering is a server that answers each frame with the same.
func answering(with []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgrader := websocket.Upgrader{}
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
			for _, text := range with {
				if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
					return
				}
			}
		}
	})
}
