package chatrelay_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/openapi/gen/chatrelayapi"
	chatrelay "centinela/services/chat-relay"
	"centinela/shared/record"
)

// both runs a test on SQLite and on MongoDB.
func both(t *testing.T, run func(t *testing.T, o options)) {
	t.Run("sqlite", func(t *testing.T) { run(t, options{}) })
	t.Run("mongodb", func(t *testing.T) { run(t, options{mongo: true}) })
}

// R1: two people talk; what is accepted is stored, numbered without a gap, on every other socket in order, and once.
func TestR1Conversation(t *testing.T) {
	both(t, func(t *testing.T, o options) {
		w := newWorld(t, o)
		talk := w.start(1, "direct", 2)
		if again := w.start(2, "direct", 1); again.Id != talk.Id {
			t.Errorf("the same pair has two direct conversations: %s, %s", talk.Id, again.Id)
		}
		ana, phone, luis := w.connect(1, nil), w.connect(1, nil), w.connect(2, nil)

		for i, text := range []string{"hola ñ 🎉", `{"$gt":""}`, "<b>\x00</b>"} {
			accepted := ana.accepted(talk.Id, fmt.Sprint("a", i), text)
			if accepted.Seq != int64(i+1) || accepted.Conversation != talk.Id {
				t.Errorf("accepted %+v", accepted)
			}
			for _, other := range []*client{phone, luis} { // also the sender's other socket
				m := expect[chatframes.ServerMessage](other)
				if m.Seq != accepted.Seq || m.Text != text || m.Sender != person(1) || m.ClientID != accepted.ClientID || !m.At.Equal(accepted.At) {
					t.Errorf("message %+v", m)
				}
			}
		}
		if a := luis.accepted(talk.Id, "a0", "the other's client ids are their own"); a.Seq != 4 {
			t.Errorf("accepted %+v", a)
		}
		expect[chatframes.ServerMessage](ana)
		expect[chatframes.ServerMessage](phone)

		t.Run("a_retry_gets_the_first_result", func(t *testing.T) {
			if again := ana.accepted(talk.Id, "a0", "hola ñ 🎉"); again.Seq != 1 {
				t.Errorf("accepted %+v", again)
			}
			refused, ok := ana.text(talk.Id, "a0", "another text").(*chatframes.ServerRefused)
			if !ok || refused.Code != "idempotency_mismatch" || refused.ClientID != "a0" {
				t.Errorf("refused %+v", refused)
			}
			luis.nothing()
		})
		t.Run("a_reply_names_a_message_of_the_conversation", func(t *testing.T) {
			ana.send(chatframes.ClientSend{ClientID: "r1", Conversation: talk.Id, Kind: "text", Text: "sí", ReplyTo: 99})
			if refused := expect[chatframes.ServerRefused](ana); refused.Code != "message_invalid" {
				t.Errorf("refused %+v", refused)
			}
			ana.send(chatframes.ClientSend{ClientID: "r2", Conversation: talk.Id, Kind: "text", Text: "sí", ReplyTo: 4})
			expect[chatframes.ServerAccepted](ana)
			if m := expect[chatframes.ServerMessage](luis); m.ReplyTo != 4 || m.Seq != 5 {
				t.Errorf("message %+v", m)
			}
		})
		t.Run("history_and_rest_tell_the_same", func(t *testing.T) {
			luis.send(chatframes.ClientHistory{Conversation: talk.Id, Before: 5, Limit: 3})
			page := expect[chatframes.ServerHistory](luis)
			if len(page.Messages) != 3 || page.Messages[0].Seq != 4 || page.Messages[2].Seq != 2 || !page.More {
				t.Errorf("history %+v", page)
			}
			rest := decoded[chatrelayapi.MessagePage](t, w.call(2, http.MethodGet, "/v1/conversations/"+talk.Id+"/messages?before=5&limit=3", ""), http.StatusOK)
			for i, m := range rest.Messages {
				if f := page.Messages[i]; m.Seq != f.Seq || m.Text != f.Text || m.Sender != f.Sender || m.ClientId != f.ClientID {
					t.Errorf("%+v and %+v", m, f)
				}
			}
			list := decoded[chatrelayapi.ConversationPage](t, w.call(1, http.MethodGet, "/v1/conversations?limit=1", ""), http.StatusOK)
			if len(list.Conversations) != 1 || list.Conversations[0].LastSeq != 5 || list.NextCursor != nil {
				t.Errorf("conversations %+v", list)
			}
		})
		t.Run("blank_is_no_message", func(t *testing.T) {
			if refused, ok := ana.text(talk.Id, "b", " \n\t ").(*chatframes.ServerRefused); !ok || refused.Code != "message_invalid" {
				t.Errorf("refused %+v", refused)
			}
		})
		t.Run("the_record_knows_of_it_and_not_what_was_said", func(t *testing.T) {
			for _, c := range []*client{ana, phone, luis} {
				c.ws.Close()
			}
			w.eventually("all that was written is told", func() bool { return w.digested() == 5 })
			for _, e := range w.audit.of(record.ChatActivity) {
				rooms, _ := e.Data["rooms"].([]any)
				if e.Session == session(2) { // luis wrote the fourth
					continue
				}
				if e.Account != person(1) || e.Session != session(1) || e.Address != "203.0.113.7" || len(rooms) != 1 || rooms[0].(map[string]any)["id"] != talk.Id {
					t.Errorf("event %+v", e)
				}
			}
			if strings.Contains(w.audit.text(), "hola") || strings.Contains(w.log.String(), "hola") {
				t.Error("a text is in the record or the log")
			}
			if len(w.audit.of(record.ChatConversationCreated)) != 1 || len(w.audit.of(record.ChatConnected)) != 3 {
				t.Errorf("events %s", w.audit.text())
			}
		})
	})
}

// R1: nothing is lost, doubled or reordered for somebody whose connection breaks again and again while three others
// write at once.
func TestR1ResumeHasNoSeam(t *testing.T) {
	both(t, func(t *testing.T, o options) {
		w := newWorld(t, o)
		talk := w.start(1, "group", 2, 3, 4)
		each := 60
		if o.mongo {
			each = 12
		}
		var writers sync.WaitGroup
		for n := 2; n <= 4; n++ {
			c := w.connect(n, nil)
			writers.Go(func() {
				for i := range each {
					c.send(chatframes.ClientSend{ClientID: fmt.Sprint(i), Conversation: talk.Id, Kind: "text", Text: fmt.Sprint(n, "-", i)})
					for {
						f, err := c.read()
						if err != nil {
							t.Error(err)
							return
						}
						if f.FrameType() == "accepted" {
							break
						}
					}
				}
			})
		}
		seen, cuts := int64(0), 0
		for seen < int64(3*each) {
			c := w.connect(1, map[string]int64{talk.Id: seen})
			for range 7 {
				f := c.next()
				if resumed, ok := f.(*chatframes.ServerResumed); ok {
					if resumed.Gap || resumed.To != seen {
						t.Fatalf("resumed %+v after %d", resumed, seen)
					}
					if seen == int64(3*each) {
						break
					}
					continue
				}
				m, ok := f.(*chatframes.ServerMessage)
				if !ok || m.Seq != seen+1 {
					t.Fatalf("after %d came %+v", seen, f)
				}
				if seen++; seen == int64(3*each) {
					break
				}
			}
			c.ws.Close()
			cuts++
		}
		writers.Wait()
		if cuts < 3 {
			t.Errorf("only %d cuts", cuts)
		}
	})
}

// R1: who missed too much is told so, and pages.
func TestR1ResumeOverTheLimit(t *testing.T) {
	w := newWorld(t, options{config: func(c *chatrelay.Config) { c.Sockets.BytesASecond = 10 << 20 }})
	talk := w.start(1, "direct", 2)
	ana := w.connect(1, nil)
	for i := range 502 {
		ana.accepted(talk.Id, fmt.Sprint(i), "x")
	}
	luis := w.connect(2, map[string]int64{talk.Id: 1})
	if r := expect[chatframes.ServerResumed](luis); !r.Gap || r.From != 2 || r.To != 502 {
		t.Errorf("resumed %+v", r)
	}
	if a := ana.accepted(talk.Id, "live", "x"); a.Seq != 503 {
		t.Errorf("accepted %+v", a)
	}
	if m := expect[chatframes.ServerMessage](luis); m.Seq != 503 {
		t.Errorf("message %+v", m)
	}
	all := w.connect(2, map[string]int64{talk.Id: 3})
	for seq := int64(4); seq <= 503; seq++ { // 500 are more than the queue holds
		if m := expect[chatframes.ServerMessage](all); m.Seq != seq {
			t.Fatalf("message %d, want %d", m.Seq, seq)
		}
	}
	if r := expect[chatframes.ServerResumed](all); r.Gap || r.From != 4 || r.To != 503 {
		t.Errorf("resumed %+v", r)
	}
	nothing := w.connect(2, map[string]int64{talk.Id: 503})
	if r := expect[chatframes.ServerResumed](nothing); r.Gap || r.From != 504 || r.To != 503 {
		t.Errorf("resumed %+v", r)
	}
	nothing.nothing()
}

func TestTypingIsPassedOnOncePerThreeSeconds(t *testing.T) {
	w := newWorld(t, options{})
	talk := w.start(1, "direct", 2)
	ana, luis := w.connect(1, nil), w.connect(2, nil)
	luis.nothing() // what was typed while one said hello isn't told
	typing := chatframes.ClientTyping{Conversation: talk.Id}
	ana.send(typing)
	ana.send(typing)
	ana.nothing()
	if f := expect[chatframes.ServerTyping](luis); f.Account != person(1) || f.Conversation != talk.Id {
		t.Errorf("typing %+v", f)
	}
	luis.nothing()
	w.Clock.Advance(3 * time.Second)
	ana.send(typing)
	expect[chatframes.ServerTyping](luis)
}

// The chat rate rule (design: audit): ten at once, one more every five seconds, and the person is told when.
func TestChatRateRefusesAndSaysWhen(t *testing.T) {
	w := newWorld(t, options{config: func(c *chatrelay.Config) { c.Rate = chatrelay.DefaultConfig().Rate }})
	talk := w.start(1, "direct", 2)
	ana := w.connect(1, nil)
	for i := range 10 {
		ana.accepted(talk.Id, fmt.Sprint(i), "x")
	}
	w.Clock.Advance(time.Second)
	refused, ok := ana.text(talk.Id, "10", "x").(*chatframes.ServerRefused)
	if !ok || refused.Code != "too_many_requests" || refused.RetryAfter != 4 || refused.ClientID != "10" {
		t.Fatalf("refused %+v", refused)
	}
	w.Clock.Advance(4 * time.Second)
	if a := ana.accepted(talk.Id, "10", "x"); a.Seq != 11 {
		t.Errorf("accepted %+v: the refused one used up a number", a)
	}
}

// A stopping server says so; nothing is lost, because clients resume.
func TestShutdownSaysGoodbye(t *testing.T) {
	w := newWorld(t, options{})
	ana := w.connect(1, nil)
	go w.Stop()
	ana.closedWith(websocket.CloseGoingAway, "unavailable")
}
