package chatrelay_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	chatrelay "centinela/services/chat-relay"
)

// R2.2: connections are limited by account, by address (IPv6 by /64) and in all, with the limits that the service comes
// with; who is inside goes on, and a place that is left can be taken.
func TestR2_2ConnectionsAreLimited(t *testing.T) {
	t.Run("ten_of_an_account", func(t *testing.T) {
		w := newWorld(t, options{})
		talk := w.start(1, "direct", 2)
		open := make([]*client, 10)
		for i := range open {
			open[i] = w.connect(1, nil)
		}
		for range 3 {
			c := w.open(door{})
			c.send(chatframes.ClientHello{Token: w.token(1)})
			c.closedWith(websocket.ClosePolicyViolation, "too_many_connections")
		}
		w.connect(2, nil).accepted(talk.Id, "c", "another account's")
		for i, c := range open {
			if m := expect[chatframes.ServerMessage](c); m.Seq != 1 {
				t.Errorf("socket %d: %+v", i, m)
			}
		}
		open[0].ws.Close()
		w.eventually("room for one more", func() bool { return w.metric("centinela_chat_relay_sockets_ready", "") == 10 })
		w.connect(1, nil)
	})
	for name, of := range map[string]struct {
		address func(i int) string
		other   string
	}{
		"fifty_of_an_IPv4_address": {func(int) string { return "203.0.113.9" }, "203.0.113.10"},
		"fifty_of_an_IPv6_64":      {func(i int) string { return fmt.Sprintf("2001:db8::%x", i+1) }, "2001:db8:0:1::1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{})
			open := make([]*client, 50)
			for i := range open {
				open[i] = w.open(door{address: of.address(i)})
			}
			if c, a := w.dial(door{address: of.address(50)}); c != nil || a.Status != http.StatusTooManyRequests || !strings.Contains(a.Body, "too_many_connections") {
				t.Errorf("the 51st: %d %s", a.Status, a.Body)
			}
			w.open(door{address: of.other})
			for i, c := range open { // of five accounts, so that only the address counts
				c.send(chatframes.ClientHello{Token: w.token(1 + i/10)})
				expect[chatframes.ServerWelcome](c)
				c.nothing()
			}
			open[49].ws.Close()
			w.eventually("room for one more", func() bool { return w.metric("centinela_chat_relay_sockets", "") == 50 })
			w.open(door{address: of.address(50)})
		})
	}
	t.Run("in_all", func(t *testing.T) {
		w := newWorld(t, options{config: func(c *chatrelay.Config) { c.Sockets.Max = 2 }})
		inside := w.open(door{address: "203.0.113.1"})
		w.open(door{address: "203.0.113.2"})
		if c, a := w.dial(door{address: "203.0.113.3"}); c != nil || a.Status != http.StatusServiceUnavailable {
			t.Errorf("one over all: %d %s", a.Status, a.Body)
		}
		inside.send(chatframes.ClientHello{Token: w.token(1)})
		expect[chatframes.ServerWelcome](inside)
	})
}

// R2.2: who doesn't say who it is goes after 5 s, whatever else it sends, and takes nobody with it.
func TestR2_2SilentSocketsGo(t *testing.T) {
	t.Run("five_seconds_are_the_default", func(t *testing.T) {
		w := newWorld(t, options{})
		c := w.open(door{})
		w.eventually("the server waits", func() bool { return w.traps.of(c).patience() > 0 })
		if d := w.traps.of(c).patience(); d > 5*time.Second || d < 4*time.Second {
			t.Errorf("an unauthenticated socket may stay for %s", d)
		}
	})
	t.Run("pings_and_wrong_frames_dont_help", func(t *testing.T) {
		w := newWorld(t, options{config: func(c *chatrelay.Config) { c.Sockets.HelloWithin = 300 * time.Millisecond }})
		inside := w.connect(1, nil)
		c := w.open(door{})
		c.raw(websocket.TextMessage, []byte(`{"type":"ping"}`))
		if e := expect[chatframes.ServerError](c); e.Fault != "wrong_state" {
			t.Errorf("error %+v", e)
		}
		go func() {
			for c.ws.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second)) == nil &&
				c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second)) == nil {
				<-time.After(5 * time.Millisecond)
			}
		}()
		c.closedWith(3000, "unauthenticated")
		inside.nothing()
	})
	t.Run("a_token_alone_is_no_hello", func(t *testing.T) {
		w := newWorld(t, options{config: func(c *chatrelay.Config) { c.Sockets.GreetWithin = 200 * time.Millisecond }})
		w.open(door{authorization: bearer(w.token(1))}).closedWith(3000, "unauthenticated")
	})
	t.Run("who_is_gone_is_noticed", func(t *testing.T) {
		w := newWorld(t, options{config: func(c *chatrelay.Config) {
			c.Sockets.PingEvery, c.Sockets.PongWithin = 50*time.Millisecond, 50*time.Millisecond
		}})
		w.connect(1, nil) // nobody reads, so no ping is answered
		w.eventually("the dead socket is closed", func() bool { return w.metric("centinela_chat_relay_sockets", "") == 0 })
	})
}

// A client that doesn't read is closed, costs nobody else anything, and loses nothing: it resumes (R1). Its queue is
// bounded in frames and in bytes (R2.1).
func TestSlowConsumerIsClosedAndLosesNothing(t *testing.T) {
	for name, set := range map[string]func(*chatrelay.Config){
		"too_many_frames": func(c *chatrelay.Config) { c.Sockets.QueueFrames = 16 },
		"too_many_bytes":  func(c *chatrelay.Config) { c.Sockets.QueueFrames = 1 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options{narrow: true, config: func(c *chatrelay.Config) {
				c.Sockets.BytesASecond, c.Sockets.WriteWithin = 100<<20, time.Minute
				set(c)
			}})
			talk := w.start(1, "group", 2, 3)
			ana, slow, quick := w.connect(1, nil), w.connect(2, nil), w.connect(3, nil)
			sent := int64(0)
			for ; w.metric("centinela_chat_relay_closed_total", "slow_consumer") == 0; sent++ {
				if sent == 300 {
					t.Fatal("300 messages of 24 KB and the socket isn't slow")
				}
				ana.accepted(talk.Id, fmt.Sprint(sent), strings.Repeat("\x01", 2000))
				expect[chatframes.ServerMessage](quick)
			}
			ana.accepted(talk.Id, "after", "x")
			sent++
			seen := int64(0)
			for { // what was queued before stays in order
				f, err := slow.read()
				if err != nil {
					if !websocket.IsCloseError(err, 3008) || slow.bye == nil || slow.bye.Code != "slow_consumer" {
						t.Errorf("closed with %v, bye %+v", err, slow.bye)
					}
					break
				}
				if m, ok := f.(*chatframes.ServerMessage); ok {
					if seen++; m.Seq != seen {
						t.Fatalf("message %d, want %d", m.Seq, seen)
					}
				}
			}
			back := w.connect(2, map[string]int64{talk.Id: seen})
			for seen < sent {
				if m := expect[chatframes.ServerMessage](back); m.Seq != seen+1 {
					t.Fatalf("message %d, want %d", m.Seq, seen+1)
				}
				seen++
			}
			if r := expect[chatframes.ServerResumed](back); r.To != sent || r.Gap {
				t.Errorf("resumed %+v, want all %d", r, sent)
			}
		})
	}
}

// R2.1: who asks for more history than it reads waits for its own answers, and a page has a bound in bytes; then the
// client pages on, and misses nothing.
func TestR2_1HistoryIsBounded(t *testing.T) {
	w := newWorld(t, options{narrow: true, config: func(c *chatrelay.Config) { c.Sockets.BytesASecond = 100 << 20 }})
	talk := w.start(1, "direct", 2)
	ana := w.connect(1, nil)
	const sent = 120
	for i := range sent {
		ana.raw(websocket.TextMessage, fmt.Appendf(nil, `{"type":"send","client_id":"%d","conversation":"%s","kind":"text","text":"%s"}`,
			i, talk.Id, strings.Repeat("<", 4000))) // six bytes each when the server encodes it
		expect[chatframes.ServerAccepted](ana)
	}
	luis := w.connect(2, nil)
	for range 40 { // 20 MB of answers
		luis.send(chatframes.ClientHistory{Conversation: talk.Id, Limit: 100})
	}
	luis.send(chatframes.ClientPing{})
	for range 40 {
		f := expect[chatframes.ServerHistory](luis)
		data, err := f.Encode()
		if err != nil || len(data) > 600<<10 || !f.More || len(f.Messages) < 10 {
			t.Fatalf("%d messages in %d bytes, more %v", len(f.Messages), len(data), f.More)
		}
	}
	expect[chatframes.ServerPong](luis)
	next := int64(sent)
	for next > 0 {
		luis.send(chatframes.ClientHistory{Conversation: talk.Id, Before: next + 1, Limit: 100})
		page := expect[chatframes.ServerHistory](luis)
		for _, m := range page.Messages {
			if m.Seq != next {
				t.Fatalf("message %d, want %d", m.Seq, next)
			}
			next--
		}
		if page.More != (next > 0) {
			t.Fatalf("at %d: more %v", next, page.More)
		}
	}
}

// R5.4: the source's own example below the chat's frames: a byte 0x52 that is no WebSocket frame is refused, counted and
// recorded with its address. So is everything else that isn't one.
func TestR5_4BytesThatAreNoFrame(t *testing.T) {
	w := newWorld(t, options{})
	other := w.connect(2, nil)
	for i, forged := range []string{
		"\x52\x80\x00\x00\x00\x00",         // reserved bits
		"\x81\x02{}",                       // no mask
		"\x83\x80\x00\x00\x00\x00",         // a reserved opcode
		"\x89\xfe\x01\x00\x00\x00\x00\x00", // a ping that is too long
		"\x88\x81\x00\x00\x00\x00x",        // half a close code
	} {
		c := w.connect(1, nil)
		if _, err := c.ws.NetConn().Write([]byte(forged)); err != nil {
			t.Fatal(err)
		}
		_, err := c.read()
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != websocket.CloseProtocolError {
			if i < 4 { // gorilla takes half a close code for none
				t.Errorf("%q: %v", forged, err)
			}
			continue
		}
		w.eventually("it is recorded", func() bool { return len(w.audit.of("chat.protocol_violation")) == i+1 })
		e := w.audit.of("chat.protocol_violation")[i]
		if e.Address != "203.0.113.7" || e.Account != person(1) || e.Data["fault"] != "bad_framing" || e.Data["state"] != "ready" {
			t.Errorf("event %+v", e)
		}
	}
	if n := w.metric("centinela_chat_relay_violations_total", "bad_framing"); n != 4 {
		t.Errorf("%v violations counted", n)
	}
	other.nothing()
}

// RFC 6455 §5.5.1: who says goodbye is answered, with its own code; nothing of it is a violation.
func TestGoodbyeIsAnswered(t *testing.T) {
	w := newWorld(t, options{})
	for _, code := range []int{websocket.CloseNormalClosure, websocket.CloseNoStatusReceived} {
		c := w.connect(1, nil)
		if err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if got := c.closed(); got != code || c.bye != nil {
			t.Errorf("answered %d with %d, bye %+v", code, got, c.bye)
		}
		c.ws.Close()
	}
	w.eventually("both are gone", func() bool { return w.metric("centinela_chat_relay_sockets", "") == 0 })
	if n := w.metric("centinela_chat_relay_violations_total", "") + w.metric("centinela_chat_relay_closed_total", ""); n != 0 {
		t.Errorf("%v of them count as the server's", n)
	}
}
