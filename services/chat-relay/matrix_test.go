package chatrelay_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/openapi/gen/chatrelayapi"
	"centinela/shared/access"
	"centinela/shared/module"
	"centinela/shared/record"
)

// notThere has the form of a conversation's id and is none's.
const notThere = "cnv_0123456789abcdefghjkmnpq"

// callers are all that could try; "" is nobody.
var callers = []string{"", module.Gateway, module.Auth, module.Recovery, module.ChatRelay, module.Audit, module.Operator, "stranger"}

// cast is who plays: ana and luis talk, eve isn't in it.
type cast struct {
	*world
	talk string
	made int // conversations
}

const ana, luis, eve = 1, 2, 3

func newCast(t *testing.T, o options) *cast {
	w := newWorld(t, o)
	c := &cast{w, w.start(ana, "direct", luis).Id, 1}
	w.connect(ana, nil).accepted(c.talk, "first", "for luis only")
	return c
}

// issue is a token of person n that ends after so long, of a session of its own.
func (c *cast) issue(n, ses int, life time.Duration) string {
	now := c.clk.Now()
	return c.people.Issue(access.Claims{Account: person(n), Session: session(ses), AuthTime: now, IssuedAt: now, ExpiresAt: now.Add(life)})
}

// operation is a row of the REST matrix. path and body are of the conversation that is asked for.
type operation struct {
	method string
	path   func(conversation string) string
	body   string
	ok     int
	makes  int // conversations
}

func fixed(path string) func(string) string { return func(string) string { return path } }

// state is what everybody sees, and what audit was told of conversations: what was refused changes nothing of it.
func (c *cast) state() (text string) {
	c.t.Helper()
	for _, n := range []int{ana, luis, eve} {
		text += string(c.call(n, http.MethodGet, "/v1/conversations", "").body)
	}
	text += string(c.call(ana, http.MethodGet, "/v1/conversations/"+c.talk+"/messages", "").body)
	return text + fmt.Sprint(len(c.audit.of(record.ChatConversationCreated)))
}

// restMatrix is every operation but openChat, which is a socket: TestR4_1WhoOpensASocket.
var restMatrix = map[string]operation{
	"listConversations":  {http.MethodGet, fixed("/v1/conversations"), "", 200, 0},
	"createConversation": {http.MethodPost, fixed("/v1/conversations"), `{"kind":"group","members":["person2"]}`, 201, 1},
	"getConversation":    {http.MethodGet, func(id string) string { return "/v1/conversations/" + id }, "", 200, 0},
	"listMessages":       {http.MethodGet, func(id string) string { return "/v1/conversations/" + id + "/messages" }, "", 200, 0},
}

// R4.1: every operation of the specification as nobody, as each service, without a person, with tokens of another
// issuer, of a time that is over and of a revoked session, as an account that the firewall refuses, as somebody else, and
// as the owner. Somebody else's conversation answers byte for byte like one that doesn't exist.
func TestR4_1MatrixOfOperations(t *testing.T) {
	spec, err := chatrelayapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	both(t, func(t *testing.T, o options) {
		c := newCast(t, o)
		forged := newWorld(t, options{}).token(ana)
		c.audit.refuse(c.clk.Now(), "session", session(21))
		c.audit.refuse(c.clk.Now(), "account", person(9))
		revoked, refused, expired := c.issue(ana, 21, time.Minute), c.issue(9, 22, time.Minute), c.issue(ana, 23, -time.Millisecond)
		c.eventually("the verdicts are known", func() bool {
			return c.do(module.Gateway, refused, http.MethodGet, "/v1/conversations", "").status != 200
		})
		seen := 0
		for path, item := range spec.Paths.Map() {
			for method, op := range item.Operations() {
				row, ok := restMatrix[op.OperationID]
				if !ok {
					if op.OperationID != "openChat" {
						t.Errorf("%s %s (%s) is not in the matrix", method, path, op.OperationID)
					}
					continue
				}
				seen++
				t.Run(op.OperationID, func(t *testing.T) {
					do := func(service, token string) answer {
						return c.do(service, token, row.method, row.path(c.talk), row.body)
					}
					expect := func(who string, a answer, status int, code string) {
						t.Helper()
						if a.status != status || !strings.Contains(string(a.body), `"`+code+`"`) || strings.Contains(string(a.body), "for luis only") {
							t.Errorf("%s: %d %s, want %d %s", who, a.status, a.body, status, code)
						}
					}
					c.eventually("what was done before is told", func() bool { return len(c.audit.of(record.ChatConversationCreated)) == c.made })
					before := c.state()
					unchanged := func() {
						t.Helper()
						if after := c.state(); after != before {
							t.Errorf("before %s\nafter  %s", before, after)
						}
					}
					allowed, _ := op.Extensions["x-callers"].([]any)
					for _, service := range callers {
						switch {
						case service == "":
							expect("nobody", do("", c.token(ana)), 401, "unauthenticated")
						case !slices.Contains(allowed, any(service)):
							expect(service, do(service, c.token(ana)), 403, "caller_not_allowed")
						}
					}
					expect("no person", do(module.Gateway, ""), 401, "unauthenticated")
					expect("another issuer", do(module.Gateway, forged), 401, "token_invalid")
					expect("expired", do(module.Gateway, expired), 401, "token_expired")
					expect("revoked session", do(module.Gateway, revoked), 401, "session_revoked")
					expect("refused account", do(module.Gateway, refused), 403, "refused_by_firewall")
					unchanged()
					if own := row.path(c.talk); own != row.path(notThere) {
						theirs := c.do(module.Gateway, c.token(eve), row.method, own, row.body)
						none := c.do(module.Gateway, c.token(eve), row.method, row.path(notThere), row.body)
						expect("somebody else", theirs, 404, "conversation_not_found")
						if a, b := c.anonymous(theirs), c.anonymous(none); a != b {
							t.Errorf("somebody else's %s, nobody's %s", a, b)
						}
						unchanged()
					} else if a := c.do(module.Gateway, c.token(eve), row.method, own, row.body); strings.Contains(string(a.body), c.talk) {
						t.Errorf("somebody else sees %s", a.body)
					}
					if a := do(module.Gateway, c.token(ana)); a.status != row.ok {
						t.Errorf("the owner: %d %s", a.status, a.body)
					}
					c.made += 2 * row.makes // eve's and ana's
				})
			}
		}
		if seen != len(restMatrix) {
			t.Errorf("%d operations of the specification, %d rows", seen, len(restMatrix))
		}
	})
}

// anonymous is an answer without its request's id and the ids that were asked for.
func (c *cast) anonymous(a answer) string {
	text := string(a.body)
	for _, id := range []string{a.header.Get("X-Request-Id"), c.talk, notThere} {
		text = strings.ReplaceAll(text, id, "-")
	}
	names := make([]string, 0, len(a.header))
	for name := range a.header {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprint(a.status, text, names)
}

// R4.1: who may open a socket, by the service that asks and by the token in the handshake and in hello.
func TestR4_1WhoOpensASocket(t *testing.T) {
	c := newCast(t, options{})
	forged := newWorld(t, options{}).token(ana)
	c.audit.refuse(c.clk.Now(), "session", session(21))
	c.audit.refuse(c.clk.Now(), "account", person(9))
	revoked, refused, expired := c.issue(ana, 21, time.Minute), c.issue(9, 22, time.Minute), c.issue(ana, 23, -time.Millisecond)
	c.eventually("the verdicts are known", func() bool {
		return c.do(module.Gateway, refused, http.MethodGet, "/v1/conversations", "").status != 200
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
		if got != nil || a.status != status || !strings.Contains(string(a.body), code) {
			t.Errorf("%q: %d %s", service, a.status, a.body)
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
				if got, a := c.dial(door{authorization: bearer(who.token)}); got != nil || a.status != who.status || !strings.Contains(string(a.body), who.code) {
					t.Errorf("handshake: %d %s", a.status, a.body)
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
	c.eventually("what was done before is told", func() bool { return len(c.audit.of(record.ChatConversationCreated)) == c.made })
	before := c.state()
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

	var told []string
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
		told = append(told, strings.ReplaceAll(string(text), id, "-"))
		stranger.nothing()
	}
	if frameType != "ping" && told[0] != told[1] {
		t.Errorf("somebody else's is %s, nobody's is %s", told[0], told[1])
	}

	for code, over := range map[string]func(token string){
		"session_revoked": func(string) { c.audit.refuse(c.clk.Now(), "session", session(31)) },
		"token_expired":   func(string) { c.clk.Advance(time.Minute) },
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
	if after := c.state(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
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
	c.clk.Advance(10*time.Minute - time.Millisecond)
	c.connect(ana, nil).accepted(c.talk, "second", "in time")
	for _, s := range []*client{inHello, inHeader, renewed} {
		expect[chatframes.ServerMessage](s)
	}
	c.clk.Advance(time.Millisecond)
	inHello.closedWith(3000, "token_expired")
	inHeader.closedWith(3000, "token_expired")
	renewed.nothing()
	c.connect(ana, nil).accepted(c.talk, "third", "while away")
	back := c.connect(luis, map[string]int64{c.talk: 2})
	if m := expect[chatframes.ServerMessage](back); m.Seq != 3 {
		t.Errorf("message %+v", m)
	}
}
