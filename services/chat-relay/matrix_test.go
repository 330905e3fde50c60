package chatrelay_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/shared/access"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
)

// notThere has the form of a conversation's id and is none's.
const notThere = "cnv_0123456789abcdefghjkmnpq"

// callers are all that could try; "" is nobody.
var callers = []string{"", module.Gateway, module.Auth, module.Recovery, module.ChatRelay, module.Audit, module.Operator, "stranger"}

// cast is who plays: ana and luis talk, eve isn't in it.
type cast struct {
	*world
	talk string
}

const ana, luis, eve = 1, 2, 3

func newCast(t *testing.T, o options) *cast {
	w := newWorld(t, o)
	c := &cast{w, w.start(ana, "direct", luis).Id}
	w.connect(ana, nil).accepted(c.talk, "first", "for luis only")
	return c
}

// issue is a token of person n that ends after so long, of a session of its own.
func (c *cast) issue(n, ses int, life time.Duration) string {
	now := c.Clock.Now()
	return c.People.Issue(access.Claims{Account: person(n), Session: session(ses), AuthTime: now, IssuedAt: now, ExpiresAt: now.Add(life)})
}

// R4.1: every operation of the specification as nobody, as each service, without a person, with each token that must not
// do, of a revoked session, as an account that the firewall refuses, as somebody else, and as the owner. Somebody else's
// conversation answers byte for byte like one that doesn't exist, and what is refused changes nothing in the whole store.
func TestR4_1MatrixOfOperations(t *testing.T) {
	both(t, func(t *testing.T, o options) {
		c := newCast(t, o)
		fixed := func(path, body string) func(string) moduletest.Request {
			return func(string) moduletest.Request { return moduletest.Request{Path: path, Body: body} }
		}
		of := func(id string) string { return "/v1/conversations/" + id }
		nowhere := func(path string) func() moduletest.Request {
			return func() moduletest.Request { return moduletest.Request{Path: path} }
		}
		m := c.Matrix(map[string]moduletest.Row{
			"listConversations":  {Request: fixed("/v1/conversations", ""), Status: 200},
			"createConversation": {Request: fixed("/v1/conversations", `{"kind":"group","members":["person2"]}`), Status: 201},
			"getConversation":    {Request: fixed(of(c.talk), ""), Status: 200, Nowhere: nowhere(of(notThere))},
			"listMessages":       {Request: fixed(of(c.talk)+"/messages", ""), Status: 200, Nowhere: nowhere(of(notThere) + "/messages")},
			"openChat":           {Request: fixed("/v1/chat", ""), Status: 400}, // no socket: TestR4_1WhoOpensASocket
		}, nil)
		c.audit.refuse(c.Clock.Now(), "account", person(9))
		refused := moduletest.Wrong{Who: "an account that the firewall refuses", Authorization: bearer(c.issue(9, 22, time.Minute)), Status: 403, Code: "refused_by_firewall"}
		c.eventually("the verdict is known", func() bool {
			return c.Do(module.Gateway, refused.Authorization, http.MethodGet, "/v1/conversations", "").Status == refused.Status
		})
		wrong := m.Wrong[moduletest.Person]
		m.Wrong[moduletest.Person] = func() []moduletest.Wrong { return append(wrong(), refused) }
		m.Right[moduletest.Person] = func() string { return bearer(c.token(ana)) }
		m.Other[moduletest.Person] = func() string { return bearer(c.token(eve)) }
		m.Run(t)
		if a := c.call(eve, http.MethodGet, "/v1/conversations", ""); strings.Contains(a.Body, c.talk) {
			t.Errorf("somebody else sees %s", a.Body)
		}
	})
}

// R4.1: who may open a socket, by the service that asks and by the token in the handshake and in hello.
func TestR4_1WhoOpensASocket(t *testing.T) {
	c := newCast(t, options{})
	forged := newWorld(t, options{}).token(ana)
	c.audit.refuse(c.Clock.Now(), "session", session(21))
	c.audit.refuse(c.Clock.Now(), "account", person(9))
	revoked, refused, expired := c.issue(ana, 21, time.Minute), c.issue(9, 22, time.Minute), c.issue(ana, 23, -time.Millisecond)
	c.eventually("the verdicts are known", func() bool {
		return c.do(module.Gateway, refused, http.MethodGet, "/v1/conversations", "").Status != 200
	})
	for _, service := range callers {
		if service == module.Gateway {
			continue
		}
		status, code := 403, "caller_not_allowed"
		if service == "" {
			status, code = 401, "unauthenticated"
		}
		got, a := c.dial(door{caller: service, noService: service == "", authorization: bearer(c.token(ana))})
		if got != nil || a.Status != status || !strings.Contains(a.Body, code) {
			t.Errorf("%q: %d %s", service, a.Status, a.Body)
		}
	}
	for _, who := range []struct {
		name, token string
		status      int // of the handshake
		code        string
		close       int // after hello
	}{
		{"another_issuer", forged, 401, "token_invalid", 3000},
		{"expired", expired, 401, "token_expired", 3000},
		{"revoked_session", revoked, 401, "session_revoked", 3003},
		{"refused_account", refused, 403, "refused_by_firewall", 3003},
		{"no_token_at_all", "", 0, "unauthenticated", 3000},
	} {
		t.Run(who.name, func(t *testing.T) {
			if who.token != "" {
				if got, a := c.dial(door{authorization: bearer(who.token)}); got != nil || a.Status != who.status || !strings.Contains(a.Body, who.code) {
					t.Errorf("handshake: %d %s", a.Status, a.Body)
				}
			}
			s := c.open(door{})
			s.send(chatframes.ClientHello{Token: who.token, Resume: map[string]int64{c.talk: 0}})
			s.closedWith(who.close, who.code)
		})
	}
}

// command is a row of the frames' matrix: the frame about a conversation, and what its owner is answered.
type command struct {
	frame func(conversation string) chatframes.ClientFrame
	owner string // type of the answer; "" for none
	early bool   // taken before hello
}

var frameMatrix = map[string]command{
	"send": {func(id string) chatframes.ClientFrame {
		return chatframes.ClientSend{ClientID: "m", Conversation: id, Kind: "text", Text: "x"}
	}, "accepted", false},
	"history": {func(id string) chatframes.ClientFrame {
		return chatframes.ClientHistory{Conversation: id, Limit: 10}
	}, "history", false},
	"typing": {func(id string) chatframes.ClientFrame { return chatframes.ClientTyping{Conversation: id} }, "", false},
	"hello": {func(id string) chatframes.ClientFrame {
		return chatframes.ClientHello{Resume: map[string]int64{id: 0}}
	}, "welcome", true},
	"ping": {func(string) chatframes.ClientFrame { return chatframes.ClientPing{} }, "pong", true},
}

// R4.1: every frame of the specification as nobody, as a token's owner who hasn't said hello, as somebody else, on a
// socket whose session is revoked or whose token has ended, and as the owner. Somebody else's conversation answers like
// one that doesn't exist, and none of them reaches anybody or is stored.
func TestR4_1MatrixOfFrames(t *testing.T) {
	both(t, func(t *testing.T, o options) {
		for _, frameType := range chatframes.ClientTypes() {
			row, ok := frameMatrix[frameType]
			if !ok {
				t.Errorf("%s is not in the matrix", frameType)
				continue
			}
			t.Run(frameType, func(t *testing.T) {
				t.Parallel()
				frameAsEverybody(t, newCast(t, o), frameType, row)
			})
		}
		if n := len(chatframes.ClientTypes()); n != len(frameMatrix) {
			t.Errorf("%d frames of the specification, %d rows", n, len(frameMatrix))
		}
	})
}

func frameAsEverybody(t *testing.T, c *cast, frameType string, row command) {
	listener := c.connect(luis, nil)
	c.Settle()
	told := []string{"outbox", "digests", "owners"} // sockets and violations are told to audit, and a minute passes
	before := c.Contents(told...)
	answer := func(s *client, id string) chatframes.ServerFrame {
		t.Helper()
		s.send(row.frame(id))
		s.send(chatframes.ClientPing{})
		return s.next()
	}

	nobody := c.open(door{})
	switch f := answer(nobody, c.talk).(type) {
	case *chatframes.ServerError:
		if f.Fault != "wrong_state" || row.frame(c.talk).FrameType() == "hello" {
			t.Errorf("nobody: %+v", f)
		}
	case *chatframes.ServerBye:
		if f.Code != "unauthenticated" || frameType != "hello" {
			t.Errorf("nobody: %+v", f)
		}
	default:
		t.Errorf("nobody is answered %+v", f)
	}

	if !row.early {
		greeted := c.open(door{authorization: bearer(c.token(ana))})
		if f, ok := answer(greeted, c.talk).(*chatframes.ServerError); !ok || f.Fault != "wrong_state" {
			t.Errorf("before hello: %+v", f)
		}
	}

	var answers []string
	for _, id := range []string{c.talk, notThere} {
		stranger := c.open(door{authorization: bearer(c.token(eve))})
		if frameType != "hello" {
			stranger.send(chatframes.ClientHello{})
			expect[chatframes.ServerWelcome](stranger)
		}
		stranger.send(row.frame(id))
		if frameType == "hello" {
			expect[chatframes.ServerWelcome](stranger)
		}
		f := stranger.next()
		if refused, ok := f.(*chatframes.ServerRefused); frameType != "ping" && (!ok || refused.Code != "conversation_not_found") {
			t.Errorf("somebody else: %+v", f)
		}
		text, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, strings.ReplaceAll(string(text), id, "-"))
		stranger.nothing()
	}
	if frameType != "ping" && answers[0] != answers[1] {
		t.Errorf("somebody else's is %s, nobody's is %s", answers[0], answers[1])
	}

	for code, over := range map[string]func(token string){
		"session_revoked": func(string) { c.audit.refuse(c.Clock.Now(), "session", session(31)) },
		"token_expired":   func(string) { c.Clock.Advance(time.Minute) },
	} {
		s := c.open(door{})
		ses := 31
		if code == "token_expired" {
			ses = 32
		}
		token := c.issue(ana, ses, time.Minute)
		s.send(chatframes.ClientHello{Token: token})
		expect[chatframes.ServerWelcome](s)
		over(token)
		if s.closed(); s.bye == nil || s.bye.Code != code {
			t.Errorf("%s: bye %+v", code, s.bye)
		}
		data, err := row.frame(c.talk).Encode()
		if err != nil {
			t.Fatal(err)
		}
		_ = s.ws.WriteMessage(websocket.TextMessage, data) // nobody is there to take it
	}

	listener.nothing() // none of them reached luis
	c.Settle()
	if after := c.Contents(told...); after != before {
		t.Errorf("what was refused changed something: %s", moduletest.Difference(before, after))
	}

	owner := c.open(door{authorization: bearer(c.token(ana))})
	if frameType != "hello" {
		owner.send(chatframes.ClientHello{})
		expect[chatframes.ServerWelcome](owner)
	}
	owner.send(row.frame(c.talk))
	if row.owner == "" {
		owner.nothing()
	} else if f := owner.next(); f.(interface{ FrameType() string }).FrameType() != row.owner {
		t.Errorf("the owner: %+v", f)
	}
}

// R4.1: a socket's rights end with its access token, in time, and a fresh one resumes without a loss; so a revocation that
// is never heard of, because audit is down, counts after a token's life at the latest.
func TestR4_1TokenEndsItsSocket(t *testing.T) {
	c := newCast(t, options{})
	inHello, inHeader := c.open(door{}), c.open(door{authorization: bearer(c.issue(luis, 41, 10*time.Minute))})
	inHello.send(chatframes.ClientHello{Token: c.issue(luis, 42, 10*time.Minute)})
	inHeader.send(chatframes.ClientHello{})
	renewed := c.open(door{authorization: bearer(c.issue(luis, 43, time.Minute))})
	renewed.send(chatframes.ClientHello{Token: c.issue(luis, 43, 20*time.Minute)})
	for _, s := range []*client{inHello, inHeader, renewed} {
		expect[chatframes.ServerWelcome](s)
	}
	c.Clock.Advance(10*time.Minute - time.Millisecond)
	c.connect(ana, nil).accepted(c.talk, "second", "in time")
	for _, s := range []*client{inHello, inHeader, renewed} {
		expect[chatframes.ServerMessage](s)
	}
	c.Clock.Advance(time.Millisecond)
	inHello.closedWith(3000, "token_expired")
	inHeader.closedWith(3000, "token_expired")
	renewed.nothing()
	c.connect(ana, nil).accepted(c.talk, "third", "while away")
	back := c.connect(luis, map[string]int64{c.talk: 2})
	if m := expect[chatframes.ServerMessage](back); m.Seq != 3 {
		t.Errorf("message %+v", m)
	}
}
