package chatrelay_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"centinela/openapi/gen/chatframes"
	"centinela/openapi/gen/chatrelayapi"
	chatrelay "centinela/services/chat-relay"
	"centinela/shared/module"
	"centinela/shared/record"
)

// R1: a message is stored before anybody hears of it, the sender of "accepted" as well as the others of the message; and
// what was accepted is on disk: the files as they are at that moment, without a goodbye to the store, have it, its number
// and its client id.
func TestR1AcceptedIsStored(t *testing.T) {
	faults := &chatrelay.Faults{}
	w := newWorld(t, options{build: faults.New})
	talk := w.start(1, "direct", 2)
	ana, luis := w.connect(1, nil), w.connect(2, nil)
	for _, at := range []string{"Append", "Append, after"} {
		entered, release := make(chan struct{}), make(chan struct{})
		faults.Do(at, func() { close(entered); <-release })
		written := w.traps.of(ana).written()
		ana.send(chatframes.ClientSend{ClientID: at[len(at)-5:], Conversation: talk.Id, Kind: "text", Text: "hola"})
		<-entered
		luis.nothing()
		if n := w.traps.of(ana).written(); n != written {
			t.Errorf("%s: the sender is told before", at)
		}
		close(release)
		accepted := expect[chatframes.ServerAccepted](ana)
		if m := expect[chatframes.ServerMessage](luis); m.Seq != accepted.Seq {
			t.Errorf("message %+v, accepted %+v", m, accepted)
		}
	}

	last := ana.accepted(talk.Id, "last", "to survive")
	crashed := module.Store{Engine: module.EngineSQLite, Dir: t.TempDir()}
	for _, name := range []string{"chat-relay.db", "chat-relay.db-wal", "relay.id"} { // in this order, as the log refers to the file
		data, err := os.ReadFile(filepath.Join(w.Store.Dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(crashed.Dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	after := newWorld(t, options{store: crashed})
	page := decoded[chatrelayapi.MessagePage](t, after.call(2, http.MethodGet, "/v1/conversations/"+talk.Id+"/messages", ""), http.StatusOK)
	if len(page.Messages) != 3 || page.Messages[0].Seq != last.Seq || page.Messages[0].Text != "to survive" || !page.Messages[0].At.Equal(last.At) {
		t.Errorf("after the crash %+v, accepted %+v", page.Messages, last)
	}
	after.eventually("what no digest told before the crash is told", func() bool { return after.digested() == 3 }) // KB D2
	back := after.connect(1, nil)
	if again := back.accepted(talk.Id, "last", "to survive"); again.Seq != last.Seq || !again.At.Equal(last.At) {
		t.Errorf("the retry after the crash: %+v, the first answer was %+v", again, last)
	}
	if next := back.accepted(talk.Id, "next", "x"); next.Seq != last.Seq+1 {
		t.Errorf("the next one: %+v", next)
	}
}

// R5.1: a connection that can't be put on record is greeted, gets nothing else, and ends.
func TestUnrecordedConnectionEnds(t *testing.T) {
	faults := &chatrelay.Faults{}
	w := newWorld(t, options{build: faults.New})
	talk := w.start(1, "direct", 2)
	w.connect(1, nil).accepted(talk.Id, "one", "hola")
	faults.Fail(record.ChatConnected)
	luis := w.open(door{})
	luis.send(chatframes.ClientHello{Token: w.token(2), Resume: map[string]int64{talk.Id: 0}})
	expect[chatframes.ServerWelcome](luis)
	if bye := expect[chatframes.ServerBye](luis); bye.Code != "unavailable" {
		t.Errorf("bye %+v", bye)
	}
	if code := luis.closed(); code != 1013 {
		t.Errorf("closed with %d", code)
	}
	w.connect(2, nil).nothing()
}

// R1: the same client id sent at once over many sockets is one message, for the store, the sender and the others.
func TestR1ConcurrentRetriesAreOneMessage(t *testing.T) {
	const sockets, messages = 8, 5
	both(t, func(t *testing.T, o options) {
		w := newWorld(t, o)
		talk := w.start(1, "direct", 2)
		luis := w.connect(2, nil)
		var got [sockets]map[string]int64
		var all sync.WaitGroup
		for i := range sockets {
			c, seqs := w.connect(1, nil), map[string]int64{}
			got[i] = seqs
			all.Go(func() {
				for m := range messages {
					c.send(chatframes.ClientSend{ClientID: fmt.Sprint("m", m), Conversation: talk.Id, Kind: "text", Text: fmt.Sprint(m)})
				}
				for len(seqs) < messages {
					f, err := c.read()
					if err != nil {
						t.Error(err)
						return
					}
					switch f := f.(type) {
					case *chatframes.ServerAccepted:
						seqs[f.ClientID] = f.Seq
					case *chatframes.ServerMessage: // of another of the sender's sockets
					default:
						t.Errorf("got %+v", f)
						return
					}
				}
			})
		}
		all.Wait()
		numbers := map[int64]bool{}
		for i, seqs := range got {
			for id, seq := range seqs {
				if seq != got[0][id] || seq < 1 || seq > messages {
					t.Errorf("socket %d: %s is %d, elsewhere %d", i, id, seq, got[0][id])
				}
				numbers[seq] = true
			}
		}
		if len(numbers) != messages {
			t.Errorf("numbers %v", numbers)
		}
		for seq := int64(1); seq <= messages; seq++ {
			if m := expect[chatframes.ServerMessage](luis); m.Seq != seq {
				t.Errorf("message %+v, want %d", m, seq)
			}
		}
		luis.nothing()
		if c := decoded[chatrelayapi.Conversation](t, w.call(2, http.MethodGet, "/v1/conversations/"+talk.Id, ""), http.StatusOK); c.LastSeq != messages {
			t.Errorf("last seq %d", c.LastSeq)
		}
	})
}

// R2.3, R5.4: a verdict on an address, a prefix or an account closes the sockets it is about, also those that haven't
// said who they are, and refuses new ones; the others stay.
func TestR5_4VerdictsCloseSockets(t *testing.T) {
	for kind, subject := range map[string]string{"ip": "203.0.113.7", "prefix": "203.0.113.0/28", "account": person(1)} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, options{})
			ana, silent := w.connect(1, nil), w.open(door{authorization: bearer(w.token(1))})
			other := w.open(door{address: "198.51.100.1"})
			other.send(chatframes.ClientHello{Token: w.token(2)})
			expect[chatframes.ServerWelcome](other)

			w.audit.refuse(w.Clock.Now(), kind, subject)
			ana.closedWith(3003, "refused_by_firewall")
			silent.closedWith(3003, "refused_by_firewall")
			if c, a := w.dial(door{authorization: bearer(w.token(1))}); c != nil || a.Status != http.StatusForbidden || !strings.Contains(a.Body, "refused_by_firewall") {
				t.Errorf("a new socket: %d %s", a.Status, a.Body)
			}
			other.nothing()
		})
	}
}
