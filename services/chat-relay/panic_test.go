package chatrelay_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/openapi/gen/chatrelayapi"
	chatrelay "centinela/services/chat-relay"
	"centinela/shared/clock"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
)

const panicsTotal = "centinela_chat_relay_panics_total"

// fuse panics once after it was lit.
type fuse struct{ lit atomic.Bool }

func (f *fuse) blow() {
	if f.lit.CompareAndSwap(true, false) {
		panic("planted by a test")
	}
}

// fusedClock panics when its fuse is lit.
type fusedClock struct {
	clock.Clock
	*fuse
}

func (c fusedClock) Now() time.Time {
	c.blow()
	return c.Clock.Now()
}

// panicked is the log's lines about panics since the last call of it.
func (w *world) panicked() (lines []map[string]any) {
	w.T.Helper()
	for line := range strings.Lines(w.log.cut()) {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			w.T.Fatal(err)
		}
		if fields["panic"] != nil || fields["stack"] != nil {
			lines = append(lines, fields)
		}
	}
	return lines
}

// R3: a panic behind any operation of the specification, and behind what it asks of auth, ends that request only: 500
// with a request id and nothing of the cause, one line with the stack, counted once; sockets and requests go on.
func TestR3PanicInEveryHandler(t *testing.T) {
	faults, peer, tick := &chatrelay.Faults{}, &fuse{}, &fuse{}
	w := newWorld(t, options{
		clock: func(c clock.Clock) clock.Clock { return fusedClock{c, tick} },
		build: func(ctx context.Context, cfg chatrelay.Config, deps module.Deps) (*chatrelay.Module, error) {
			where := deps.PeerURL
			deps.PeerURL = func(peerName string) string {
				if peerName == module.Auth {
					peer.blow()
				}
				return where(peerName)
			}
			return faults.New(ctx, cfg, deps)
		},
	})
	talk := w.start(1, "direct", 2)
	luis := w.connect(2, nil)
	inStore := func(call string) func() { return func() { faults.Panic(call) } }
	request := func(method, path, body string) func() moduletest.Answer {
		return func() moduletest.Answer { return w.call(1, method, path, body) }
	}
	start := request(http.MethodPost, "/v1/conversations", `{"kind":"direct","members":["person2"]}`)
	type row struct {
		plant func()
		do    func() moduletest.Answer
		frame string // of the stack
		ok    int
	}
	rows := map[string][]row{
		"listConversations":  {{inStore("Of"), request(http.MethodGet, "/v1/conversations", ""), "faulty.Of", 200}},
		"getConversation":    {{inStore("Conversation"), request(http.MethodGet, "/v1/conversations/"+talk.Id, ""), "Conversation", 200}},
		"listMessages":       {{inStore("Before"), request(http.MethodGet, "/v1/conversations/"+talk.Id+"/messages", ""), "faulty.Before", 200}},
		"createConversation": {{inStore("Create"), start, "faulty.Create", 201}, {func() { peer.lit.Store(true) }, start, "ByAccount", 201}},
		"openChat": {{func() { tick.lit.Store(true) }, func() moduletest.Answer {
			c, a := w.dial(door{})
			if c != nil {
				c.ws.Close()
			}
			return a
		}, "newConn", 101}},
	}
	spec, err := chatrelayapi.Spec()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if len(rows[op.OperationID]) == 0 {
				t.Errorf("%s %s (%s) has no row", method, path, op.OperationID)
			}
			for _, r := range rows[op.OperationID] {
				t.Run(op.OperationID+"/"+r.frame, func(t *testing.T) {
					w.panicked()
					before := w.metric(panicsTotal, "")
					r.plant()
					a := r.do()
					problem := decoded[map[string]any](t, a, http.StatusInternalServerError)
					id, _ := problem["request_id"].(string)
					if problem["code"] != "internal" || id == "" || id != a.Header.Get("X-Request-Id") || strings.Contains(a.Body, "planted") {
						t.Errorf("problem %s", a.Body)
					}
					logged := w.panicked()
					if len(logged) != 1 || logged[0]["request_id"] != id || logged[0]["level"] != "ERROR" || !strings.Contains(logged[0]["stack"].(string), r.frame) {
						t.Errorf("logged %v", logged)
					}
					if n := w.metric(panicsTotal, "") - before; n != 1 {
						t.Errorf("%v panics counted", n)
					}
					if a := r.do(); a.Status != r.ok {
						t.Errorf("the same again: %d %s", a.Status, a.Body)
					}
					luis.nothing()
				})
			}
		}
	}
}

// R3, R2.2: a panic while a connection becomes a socket leaves nothing behind that would count as one.
func TestR3PanicInTheUpgrade(t *testing.T) {
	w := newWorld(t, options{config: func(c *chatrelay.Config) { c.Sockets.PerAddress = 1 }})
	c := w.connect(1, nil)
	c.ws.Close()
	w.eventually("the place is free", func() bool { return w.metric("centinela_chat_relay_sockets", "") == 0 })
	w.traps.panicOnWrite()
	if ws, resp, err := w.attempt(door{}); err == nil {
		resp.Body.Close()
		ws.Close()
		t.Fatal("the socket is open")
	}
	var logged []map[string]any
	w.eventually("it is logged", func() bool { // after the connection was closed
		logged = append(logged, w.panicked()...)
		return len(logged) > 0
	})
	w.connect(1, nil).nothing()
	if logged = append(logged, w.panicked()...); len(logged) != 1 || !strings.Contains(logged[0]["stack"].(string), "Upgrade") {
		t.Errorf("logged %v", logged)
	}
	if n := w.metric(panicsTotal, ""); n != 1 {
		t.Errorf("%v panics counted", n)
	}
}

// R3: a panic in a socket's read loop, in its write loop, behind what it sent, and at its beginning
// and end, ends that socket only, with a goodbye; it is logged once with its stack, and counted once. What was accepted
// is there afterwards, and no lock stays taken.
func TestR3PanicInASocket(t *testing.T) {
	for _, c := range []struct {
		name, loop, frame string
		do                func(t *testing.T, w *world, faults *chatrelay.Faults, talk string) *client
		mute              bool // nothing can be said any more
		others            float64
	}{
		{"a_command", "store", "faulty.Append", func(_ *testing.T, w *world, faults *chatrelay.Faults, talk string) *client {
			ana := w.connect(1, nil)
			faults.Panic("Append")
			ana.send(chatframes.ClientSend{ClientID: "c", Conversation: talk, Kind: "text", Text: "secreto"})
			return ana
		}, false, 1},
		{"the_connection_read", "read", "NextReader", func(_ *testing.T, w *world, _ *chatrelay.Faults, _ string) *client {
			ana := w.connect(1, nil)
			w.traps.of(ana).panicOn(true, false)
			ana.send(chatframes.ClientPing{})
			return ana
		}, false, 1},
		{"the_beginning", "read", "recordStart", func(_ *testing.T, w *world, faults *chatrelay.Faults, _ string) *client {
			faults.Panic(record.ChatConnected)
			ana := w.open(door{})
			ana.send(chatframes.ClientHello{Token: w.token(1)})
			return ana
		}, false, 1},
		{"a_replay", "read", "faulty.After", func(_ *testing.T, w *world, faults *chatrelay.Faults, talk string) *client {
			faults.Panic("After")
			return w.connect(1, map[string]int64{talk: 0})
		}, false, 1},
		{"the_end", "end", "recordEnd", func(_ *testing.T, w *world, faults *chatrelay.Faults, _ string) *client {
			ana := w.connect(1, nil)
			faults.Panic(record.ChatDisconnected)
			ana.ws.NetConn().Close()
			return ana
		}, true, 1},
		{"the_write", "write", "writeBatch", func(_ *testing.T, w *world, _ *chatrelay.Faults, talk string) *client {
			ana := w.connect(1, nil)
			w.traps.of(ana).panicOn(false, true)
			w.connect(3, nil).accepted(talk, "w", "another's message is what is written")
			return ana
		}, false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			faults := &chatrelay.Faults{}
			w := newWorld(t, options{build: faults.New})
			talk := w.start(1, "group", 2, 3).Id
			luis := w.connect(2, nil)
			luis.accepted(talk, "first", "x")
			w.panicked()

			ana := c.do(t, w, faults, talk)
			if !c.mute {
				ana.closedWith(websocket.CloseInternalServerErr, "internal")
			}
			ana.ws.Close()
			w.eventually("the socket is gone", func() bool { return w.metric("centinela_chat_relay_sockets", "") == c.others })
			if n := w.metric(panicsTotal, ""); n != 1 || faults.Left() != 0 {
				t.Errorf("%v panics counted, %d left", n, faults.Left())
			}
			logged := w.panicked()
			if len(logged) != 1 || logged[0]["loop"] != c.loop || logged[0]["request_id"] == nil || !strings.Contains(logged[0]["stack"].(string), c.frame) {
				t.Fatalf("logged %v", logged)
			}
			if strings.Contains(logged[0]["stack"].(string), "secreto") {
				t.Error("the text is in the log")
			}
			again := w.connect(1, map[string]int64{talk: 0})
			for seq := int64(1); ; seq++ { // all that was accepted, and nothing else
				f := again.next()
				if resumed, ok := f.(*chatframes.ServerResumed); ok {
					if resumed.To != seq-1 {
						t.Errorf("%d messages, %+v", seq-1, resumed)
					}
					break
				}
				if m, ok := f.(*chatframes.ServerMessage); !ok || m.Seq != seq || m.Text == "secreto" {
					t.Fatalf("message %d: %+v", seq, f)
				}
			}
			a := again.accepted(talk, "after", "the lock is free")
			for { // luis' socket went on all the time
				if m, ok := luis.next().(*chatframes.ServerMessage); ok && m.Seq == a.Seq {
					break
				}
			}
		})
	}
}
