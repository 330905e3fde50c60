package chatrelay_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	chatrelay "centinela/services/chat-relay"
	"centinela/shared/access"
	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// R2.1: the bytes that a socket may send are limited, in a frame and in a second, whatever they are.
func TestR2_1BytesAreLimited(t *testing.T) {
	w := newWorld(t, options{})
	t.Run("a_frame_over_16_KiB", func(t *testing.T) {
		c := w.connect(1, nil)
		c.raw(websocket.TextMessage, bytes.Repeat([]byte("x"), 16<<10+1))
		if e := expect[chatframes.ServerError](c); e.Fault != "too_long" {
			t.Errorf("error %+v", e)
		}
		c.closedWith(websocket.CloseMessageTooBig, "protocol_violation")
	})
	t.Run("a_frame_of_16_KiB_is_read", func(t *testing.T) {
		c := w.connect(1, nil)
		c.raw(websocket.TextMessage, bytes.Repeat([]byte("x"), 16<<10))
		if e := expect[chatframes.ServerError](c); e.Fault != "not_json" {
			t.Errorf("error %+v", e)
		}
		c.nothing()
	})
	t.Run("an_endless_loop_of_send", func(t *testing.T) {
		c := w.connect(1, nil)
		ping := []byte(`{"type":"ping"}`)
		go func() { // until the server closes
			for c.ws.WriteMessage(websocket.TextMessage, append(ping, bytes.Repeat([]byte(" "), 4000)...)) == nil {
			}
		}()
		c.closedWith(websocket.ClosePolicyViolation, "too_many_requests")
	})
	t.Run("an_endless_loop_of_pings", func(t *testing.T) {
		c := w.connect(1, nil)
		c.ws.SetPongHandler(func(string) error { return nil })
		go func() {
			for c.ws.WriteControl(websocket.PingMessage, bytes.Repeat([]byte("x"), 125), time.Now().Add(time.Second)) == nil {
			}
		}()
		if code := c.closed(); code != websocket.ClosePolicyViolation && code != 3008 {
			t.Errorf("closed with %d", code)
		}
	})
	t.Run("a_frame_without_end", func(t *testing.T) {
		c := w.connect(1, nil)
		writer, err := c.ws.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for err := error(nil); err == nil; {
				_, err = writer.Write([]byte(strings.Repeat("x", 1024)))
			}
		}()
		c.closedWith(websocket.CloseMessageTooBig, "protocol_violation")
	})
	t.Run("the_others_go_on", func(t *testing.T) {
		talk := w.start(2, "direct", 3)
		w.connect(2, nil).accepted(talk.Id, "c", "still here")
	})
}

// R4.1: what a client writes into a request never becomes anything but a value.
func TestR4_1BadRequests(t *testing.T) {
	w := newWorld(t, options{})
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"an_operator_for_a_name", `{"kind":"direct","members":[{"$gt":""}]}`, 400, "invalid_field"},
		{"an_extra_field", `{"kind":"direct","members":["person2"],"id":"cnv_0123456789abcdefghjkmnpq"}`, 400, "unknown_field"},
		{"somebody_unknown", `{"kind":"direct","members":["nobody"]}`, 404, "/members/0"},
		{"one_of_two_unknown", `{"kind":"group","members":["person2","nobody"]}`, 404, "/members/1"},
		{"oneself", `{"kind":"direct","members":["person1"]}`, 400, "/members"},
		{"a_direct_one_with_two", `{"kind":"direct","members":["person2","person3"]}`, 400, "/members"},
		{"a_title_for_two", `{"kind":"direct","title":"x","members":["person2"]}`, 400, "/title"},
		{"not_json", `{`, 400, "invalid_json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.call(1, http.MethodPost, "/v1/conversations", c.body)
			if a.Status != c.status || !strings.Contains(a.Body, c.want) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	if a := w.call(0, http.MethodGet, "/v1/conversations", ""); a.Status != http.StatusUnauthorized {
		t.Errorf("without a person: %d", a.Status)
	}
	if a := w.call(1, http.MethodGet, "/v1/conversations?cursor=garbage", ""); a.Status != 400 || !strings.Contains(a.Body, "invalid_cursor") {
		t.Errorf("cursor: %d %s", a.Status, a.Body)
	}
}

// R5.4: a client that sends 0x52 is told what was wrong, recorded with its address, and closed at the third time in ten
// minutes; what audit then decides closes its other sockets and refuses new ones.
func TestR5_4ForgedFrames(t *testing.T) {
	w := newWorld(t, options{})
	bystander := w.open(door{address: "198.51.100.1"})
	bystander.send(chatframes.ClientHello{Token: w.token(2)})
	expect[chatframes.ServerWelcome](bystander)
	other := w.connect(1, nil)
	c := w.connect(1, nil)
	for i, forged := range []struct {
		kind  int
		data  string
		fault string
	}{{websocket.BinaryMessage, "\x52", "binary_frame"}, {websocket.TextMessage, `{"type":"0x52"}`, "unknown_type"}, {websocket.TextMessage, `{"type":"hello"}`, "wrong_state"}} {
		c.raw(forged.kind, []byte(forged.data))
		if e := expect[chatframes.ServerError](c); e.Code != "protocol_violation" || e.Fault != forged.fault {
			t.Errorf("error %d: %+v", i, e)
		}
	}
	c.closedWith(websocket.ClosePolicyViolation, "protocol_violation")
	w.eventually("three violations recorded", func() bool { return len(w.audit.of(record.ChatProtocolViolation)) == 3 })
	e := w.audit.of(record.ChatProtocolViolation)[1]
	if e.Address != "203.0.113.7" || e.Account != person(1) || e.Outcome != record.Refused ||
		e.Data["fault"] != "unknown_type" || e.Data["type"] != "0x52" || e.Data["state"] != "ready" || e.Data["size"] != 15.0 {
		t.Errorf("event %+v", e)
	}

	w.audit.refuse(w.Clock.Now(), "prefix", "203.0.113.0/24")
	other.closedWith(3003, "refused_by_firewall")
	if c, a := w.dial(door{}); c != nil || a.Status != http.StatusForbidden || !strings.Contains(a.Body, "refused_by_firewall") {
		t.Errorf("a new socket: %d %s", a.Status, a.Body)
	}
	bystander.nothing()
	w.Clock.Advance(2 * time.Hour) // the verdict has ended, and so has the token
	w.connect(1, nil)
}

// R5.4: two forged frames and ten minutes later one more is no third one. Of one socket ten are recorded, and the rest is
// counted at its end.
func TestR5_4ViolationsAreForgotten(t *testing.T) {
	w := newWorld(t, options{})
	now := w.Clock.Now()
	c := w.open(door{})
	c.send(chatframes.ClientHello{Token: w.People.Issue(access.Claims{
		Account: person(1), Session: session(1), AuthTime: now, IssuedAt: now, ExpiresAt: now.Add(2 * time.Hour),
	})})
	expect[chatframes.ServerWelcome](c)
	for range 12 {
		c.raw(websocket.TextMessage, []byte(`{"type":"0x52"}`))
		expect[chatframes.ServerError](c)
		w.Clock.Advance(5 * time.Minute)
	}
	c.nothing()
	c.ws.Close()
	w.eventually("its end is recorded", func() bool { return len(w.audit.of(record.ChatDisconnected)) == 1 })
	if e, n := w.audit.of(record.ChatDisconnected)[0], len(w.audit.of(record.ChatProtocolViolation)); n != 10 || e.Data["violations"] != 12.0 {
		t.Errorf("%d violations recorded, the end says %v", n, e.Data["violations"])
	}
}

// R5.4, R2.2: what an attacker makes us write has a bound an address, and the rest is counted.
func TestR5_4RecordsAreBounded(t *testing.T) {
	w := newWorld(t, options{})
	attack := func() {
		c := w.connect(1, nil)
		for range 3 {
			c.raw(websocket.BinaryMessage, []byte{0x52})
		}
		c.closed()
		c.ws.Close()
		w.eventually("the socket is gone", func() bool { return w.metric("centinela_chat_relay_sockets", "") == 0 })
	}
	for range 22 {
		attack()
	}
	w.Clock.Advance(time.Minute)
	attack()
	w.eventually("all that is recorded", func() bool { return len(w.audit.of(record.ChatDisconnected)) == 23 })
	events := w.audit.of(record.ChatProtocolViolation)
	if len(events) != 63 {
		t.Errorf("%d events, want 60 and 3 a minute later", len(events))
	}
	if got := events[60].Data["unrecorded_before"]; got != 6.0 {
		t.Errorf("unrecorded_before = %v", got)
	}
}

// A revoked session's sockets close within a second, the same account's others stay (design: chat-relay, "Revocation");
// that its address is let through changes nothing (AG D1).
func TestRevocationClosesTheSession(t *testing.T) {
	w := newWorld(t, options{})
	w.audit.decide(w.Clock.Now(), verdicts.Allow, "ip", "203.0.113.7")
	ana := w.connect(1, nil)
	tablet := w.open(door{authorization: bearer(w.People.Token(person(1), session(9)))})
	tablet.send(chatframes.ClientHello{})
	expect[chatframes.ServerWelcome](tablet)
	began := time.Now()
	w.audit.refuse(w.Clock.Now(), "session", session(1))
	ana.closedWith(3003, "session_revoked")
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %s", took)
	}
	tablet.nothing()
	c := w.open(door{})
	c.send(chatframes.ClientHello{Token: w.token(1)})
	c.closedWith(3003, "session_revoked")
}

// AG D2: auth's own word closes the sockets of a session that is over within a second, with audit killed, and no new one
// opens; the same account's others stay.
func TestD2RevocationNeedsNoAudit(t *testing.T) {
	w := newWorld(t, options{})
	ana := w.connect(1, nil)
	tablet := w.open(door{authorization: bearer(w.People.Token(person(1), session(9)))})
	tablet.send(chatframes.ClientHello{})
	expect[chatframes.ServerWelcome](tablet)
	greeted := w.open(door{authorization: bearer(w.token(1))})
	w.audit.kill()
	began := time.Now()
	w.People.Revoke(session(1))
	ana.closedWith(3003, "session_revoked")
	greeted.closedWith(3003, "session_revoked")
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %s", took)
	}
	tablet.nothing()
	if c, a := w.dial(door{authorization: bearer(w.token(1))}); c != nil || a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, "session_revoked") {
		t.Errorf("a new socket: %d %s", a.Status, a.Body)
	}
	c := w.open(door{})
	c.send(chatframes.ClientHello{Token: w.token(1)})
	c.closedWith(3003, "session_revoked")
	if a := w.call(1, http.MethodGet, "/v1/conversations", ""); a.Status != http.StatusUnauthorized || !strings.Contains(a.Body, "session_revoked") {
		t.Errorf("a request: %d %s", a.Status, a.Body)
	}
}

// R5.4: a relay that doesn't know whom to refuse, because audit is away and no copy is on disk, lets nobody in, and says
// that it isn't ready.
func TestR5_4NobodyEntersWithoutVerdicts(t *testing.T) {
	var m *chatrelay.Module
	w := newWorld(t, options{deaf: true, build: func(ctx context.Context, cfg chatrelay.Config, deps module.Deps) (_ *chatrelay.Module, err error) {
		m, err = chatrelay.New(ctx, cfg, deps)
		return m, err
	}})
	if c, a := w.dial(door{authorization: bearer(w.token(1))}); c != nil || a.Status != http.StatusServiceUnavailable {
		t.Errorf("a socket: %d %s", a.Status, a.Body)
	}
	if err := m.Ready(); !errors.Is(err, verdicts.ErrUnheard) {
		t.Errorf("Ready() = %v", err)
	}
}

// Who may open a socket, and what is answered to the others.
func TestHandshake(t *testing.T) {
	w := newWorld(t, options{})
	for _, c := range []struct {
		name   string
		door   door
		status int
		code   string
	}{
		{"without_the_protocol", door{noProtocol: true}, 400, "invalid_request"},
		{"a_foreign_origin", door{origin: "https://evil.example"}, 403, "origin_not_allowed"},
		{"no_origin_at_all", door{origin: "null"}, 403, "origin_not_allowed"},
		{"another_service", door{caller: "audit"}, 403, "caller_not_allowed"},
		{"a_bad_token", door{authorization: "Bearer x.y.z"}, 401, "token_invalid"},
		{"another_scheme", door{authorization: "Basic eDp5"}, 401, "token_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, a := w.dial(c.door); got != nil || a.Status != c.status || !strings.Contains(a.Body, c.code) {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}
	t.Run("our_own_pages", func(t *testing.T) { w.open(door{origin: w.URL}) })
	t.Run("plain_http", func(t *testing.T) {
		if a := w.call(1, http.MethodGet, "/v1/chat", ""); a.Status != 400 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
	for _, c := range []struct {
		name  string
		door  door
		hello chatframes.ClientHello
		code  int
		bye   string
	}{
		{"no_token_anywhere", door{}, chatframes.ClientHello{}, 3000, "unauthenticated"},
		{"a_bad_token_in_hello", door{}, chatframes.ClientHello{Token: "x.y.z"}, 3000, "token_invalid"},
		{"tokens_of_two_people", door{authorization: bearer(w.token(1))}, chatframes.ClientHello{Token: w.token(2)}, 3000, "token_invalid"},
		{"tokens_of_two_sessions", door{authorization: bearer(w.token(1))}, chatframes.ClientHello{Token: w.People.Token(person(1), session(9))}, 3000, "token_invalid"}, // MU C17
	} {
		t.Run(c.name, func(t *testing.T) {
			s := w.open(c.door)
			s.send(c.hello)
			s.closedWith(c.code, c.bye)
		})
	}
	t.Run("an_expired_token", func(t *testing.T) {
		token := w.token(1)
		w.Clock.Advance(11 * time.Minute)
		s := w.open(door{})
		s.send(chatframes.ClientHello{Token: token})
		s.closedWith(3000, "token_expired")
	})
	t.Run("a_command_before_hello", func(t *testing.T) {
		s := w.open(door{})
		s.send(chatframes.ClientPing{})
		if e := expect[chatframes.ServerError](s); e.Fault != "wrong_state" {
			t.Errorf("error %+v", e)
		}
	})
}

func TestConfig(t *testing.T) {
	if err := chatrelay.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := chatrelay.Config{}.Validate()
	if err == nil {
		t.Fatal("an empty config is valid")
	}
	for _, path := range []string{"chat_relay.rate.burst: must be > 0", "chat_relay.sockets.queue_frames: must be > 0"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("no %q in %s", path, err)
		}
	}
}
