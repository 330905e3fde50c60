package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"centinela/openapi/gen/chatframes"
)

// patience bounds what a test waits for.
const patience = 10 * time.Second

func (r *relay) open(account string, resume map[string]int64) *Chat {
	r.t.Helper()
	chat, err := r.session(account).Chat(r.t.Context(), ChatOptions{Resume: resume})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = chat.Close() })
	return chat
}

// expect reads messages and holds that they are the numbers first to last, each once, in order.
func expect(t *testing.T, chat *Chat, first, last int64) []Message {
	t.Helper()
	var got []Message
	for want := first; want <= last; want++ {
		select {
		case m, ok := <-chat.Messages():
			if !ok || m.Seq != want {
				t.Fatalf("message %d (%v), want %d", m.Seq, chat.Err(), want)
			}
			got = append(got, m)
		case <-time.After(patience):
			t.Fatalf("message %d never came", want)
		}
	}
	return got
}

func limited(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// R4: both ends get every message, one's own too, in order, with the sender's account.
func TestChatBothWays(t *testing.T) {
	r := newRelay(t)
	ana, ben := r.open("acc_ana", map[string]int64{cnv: 0}), r.open("acc_ben", map[string]int64{cnv: 0})
	for i := range 5 {
		a, err := ana.Send(limited(t), cnv, fmt.Sprint("a", i))
		if err != nil || a.Seq != int64(2*i+1) || a.At.IsZero() {
			t.Fatal(a, err)
		}
		if b, err := ben.Send(limited(t), cnv, fmt.Sprint("b", i)); err != nil || b.Seq != int64(2*i+2) {
			t.Fatal(b, err)
		}
	}
	fromAna, fromBen := expect(t, ana, 1, 10), expect(t, ben, 1, 10)
	for i := range fromAna {
		if a, b := fromAna[i], fromBen[i]; a.Text != b.Text || a.Sender != b.Sender || a.ClientId != b.ClientId || a.Kind != "text" || !a.At.Equal(b.At) {
			t.Errorf("%+v and %+v", a, b)
		}
	}
	if fromAna[0].Sender != "acc_ana" || fromAna[1].Sender != "acc_ben" {
		t.Error("senders")
	}
}

// R4: after a cut the socket comes back by itself and resumes: nothing lost, nothing doubled, whoever wrote meanwhile.
func TestChatResumes(t *testing.T) {
	r := newRelay(t)
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	for i := range 20 {
		r.write(fmt.Sprint("before ", i))
		if i%5 == 0 {
			r.cutAll()
		}
		if _, err := chat.Send(limited(t), cnv, fmt.Sprint("mine ", i)); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, chat, 1, 40)
	if chat.Resumed() == 0 {
		t.Error("the socket was never cut")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if last := r.hellos[len(r.hellos)-1]; last.Resume[cnv] == 0 || last.Device == "" {
		t.Errorf("the last hello %+v", last)
	}
}

// R4: a message whose "accepted" got lost is sent again under the same client_id, stored once, and answered once.
func TestChatLostAccepted(t *testing.T) {
	r := newRelay(t)
	var cuts atomic.Int32
	r.onStored = func(s *socket) bool {
		if cuts.Add(1) > 2 {
			return false
		}
		_ = s.conn.NetConn().Close()
		return true
	}
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	a, err := chat.Send(limited(t), cnv, "once")
	if err != nil || a.Seq != 1 {
		t.Fatal(a, err)
	}
	if b, err := chat.Send(limited(t), cnv, "next"); err != nil || b.Seq != 2 {
		t.Fatal(b, err)
	}
	expect(t, chat, 1, 2)
	if len(r.stored) != 2 {
		t.Errorf("%d stored", len(r.stored))
	}
}

// R4: the same client_id is the same message: the same answer, delivered once.
func TestChatSameClientID(t *testing.T) {
	r := newRelay(t)
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if a, err := chat.SendAs(limited(t), cnv, "x", "same"); err != nil || a.Seq != 1 {
				t.Error(a, err)
			}
		})
	}
	all.Wait()
	if a, err := chat.Send(limited(t), cnv, "y"); err != nil || a.Seq != 2 {
		t.Fatal(a, err)
	}
	expect(t, chat, 1, 2)
}

// R4: what the socket leaves out is fetched over REST, in its place: a hole before a live message, and a resume that is too long.
func TestChatFillsGaps(t *testing.T) {
	t.Run("hole", func(t *testing.T) {
		r := newRelay(t)
		chat := r.open("acc_ana", map[string]int64{cnv: 0})
		r.write("one")
		expect(t, chat, 1, 1)
		for i := range 8 {
			r.lose(fmt.Sprint("lost ", i))
		}
		r.write("ten")
		expect(t, chat, 2, 10)
	})
	t.Run("long resume", func(t *testing.T) {
		r := newRelay(t)
		r.replay = false
		for i := range 10 {
			r.write(fmt.Sprint(i))
		}
		expect(t, r.open("acc_ana", map[string]int64{cnv: 2}), 3, 10)
	})
	t.Run("more conversations than hello takes", func(t *testing.T) {
		r := newRelay(t)
		resume := map[string]int64{}
		for i := range 150 {
			resume[fmt.Sprintf("cnv_%024d", 1000+i)] = 3
		}
		for i := range 3 {
			r.write(fmt.Sprint(i))
		}
		chat := r.open("acc_ana", resume)
		if a, err := chat.Send(limited(t), cnv, "x"); err != nil || a.Seq != 4 {
			t.Fatal(a, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if n := len(r.hellos[0].Resume); n != 100 {
			t.Errorf("%d conversations in hello", n)
		}
	})
}

// TestChatUnknownConversation: one that was not named starts with what comes live.
func TestChatUnknownConversation(t *testing.T) {
	r := newRelay(t)
	for i := range 3 {
		r.write(fmt.Sprint(i))
	}
	chat := r.open("acc_ana", nil)
	r.write("live")
	r.write("and next")
	expect(t, chat, 4, 5)
	if r.history != 0 {
		t.Error("the past was fetched unasked")
	}
}

// TestChatAbandonedSend: who stops waiting gets an error; the message arrives all the same, from the store.
func TestChatAbandonedSend(t *testing.T) {
	r := newRelay(t)
	read, hold := make(chan struct{}), make(chan struct{})
	r.onStored = func(*socket) bool { close(read); <-hold; return false }
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error)
	go func() { _, err := chat.Send(ctx, cnv, "x"); sent <- err }()
	<-read
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(hold)
	expect(t, chat, 1, 1)
}

// TestChatRefused: a refusal is a *Problem of that Send, and ends nothing.
func TestChatRefused(t *testing.T) {
	r := newRelay(t)
	r.onSend = func(s *socket, f chatframes.ClientSend) bool {
		if f.Text != "bad" {
			return false
		}
		s.say(chatframes.ServerRefused{ClientID: f.ClientID, Code: "too_many_requests", Detail: "slowly", RetryAfter: 5})
		return true
	}
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	_, err := chat.Send(limited(t), cnv, "bad")
	var p *Problem
	if !errors.As(err, &p) || p.Code != "too_many_requests" || p.RetryAfter != 5*time.Second || p.Detail != "slowly" {
		t.Fatal(err)
	}
	if _, err := chat.Send(limited(t), cnv, "good"); err != nil {
		t.Fatal(err)
	}
}

// TestChatHistory: a page over the socket, newest first.
func TestChatHistory(t *testing.T) {
	r := newRelay(t)
	for i := range 6 {
		r.write(fmt.Sprint(i))
	}
	page, more, err := r.open("acc_ana", nil).History(limited(t), cnv, 5, 2)
	if err != nil || !more || len(page) != 2 || page[0].Seq != 4 || page[1].Seq != 3 {
		t.Fatal(page, more, err)
	}
}

// TestChatForgedFrame: SendRaw sends what the server refuses, and Faults says how.
func TestChatForgedFrame(t *testing.T) {
	r := newRelay(t)
	chat := r.open("acc_ana", nil)
	if err := chat.SendRaw(websocket.BinaryMessage, []byte{0x52}); err != nil {
		t.Fatal(err)
	}
	select {
	case f := <-chat.Faults():
		if f != (Fault{"protocol_violation", "binary_frame", "frames are text"}) {
			t.Errorf("%+v", f)
		}
	case <-time.After(patience):
		t.Fatal("no fault")
	}
}

// TestChatRefusedDoor: what another try would not change is an error at once, and ends a chat that is cut.
func TestChatRefusedDoor(t *testing.T) {
	r := newRelay(t)
	var status atomic.Int32
	r.upgrade = func(*http.Request) (int, string) { return int(status.Load()), CodeRefusedByFirewall }
	chat := r.open("acc_ana", nil)
	status.Store(http.StatusForbidden)
	if _, err := r.session("acc_eva").Chat(t.Context(), ChatOptions{}); !HasCode(err, CodeRefusedByFirewall) {
		t.Fatal(err)
	}
	r.cutAll()
	select {
	case <-chat.Done():
	case <-time.After(patience):
		t.Fatal("the chat goes on")
	}
	if !HasCode(chat.Err(), CodeRefusedByFirewall) {
		t.Error(chat.Err())
	}
	if _, err := chat.Send(t.Context(), cnv, "x"); !HasCode(err, CodeRefusedByFirewall) {
		t.Error(err)
	}
	if _, open := <-chat.Messages(); open {
		t.Error("Messages is open")
	}
}

// TestChatDoorDown: a door that is down for a while is tried again.
func TestChatDoorDown(t *testing.T) {
	r := newRelay(t)
	var down atomic.Int32
	r.upgrade = func(*http.Request) (int, string) {
		if down.Add(-1) >= 0 {
			return http.StatusServiceUnavailable, CodeUnavailable
		}
		return 0, ""
	}
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	down.Store(2)
	r.cutAll()
	if a, err := chat.Send(limited(t), cnv, "x"); err != nil || a.Seq != 1 {
		t.Fatal(a, err)
	}
}

// TestChatRefreshes: an access token that expired is refreshed for the handshake.
func TestChatRefreshes(t *testing.T) {
	r := newRelay(t)
	r.upgrade = func(q *http.Request) (int, string) {
		if q.Header.Get("Authorization") != "Bearer access-2" {
			return http.StatusUnauthorized, CodeTokenExpired
		}
		return 0, ""
	}
	r.open("acc_ana", nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.tokens, []string{"Bearer acc_ana", "Bearer access-2"}) {
		t.Error(r.tokens)
	}
}

// TestChatClose: nothing is left running, whoever waits gets an answer.
func TestChatClose(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	r := newRelay(t)
	r.onSend = func(*socket, chatframes.ClientSend) bool { return true } // no answer, ever
	s := r.session("acc_ana")
	chat, err := s.Chat(t.Context(), ChatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() { _, err := chat.Send(t.Context(), cnv, "x"); waiting <- err }()
	if err := chat.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; !errors.Is(err, ErrChatClosed) {
		t.Error(err)
	}
	if err := chat.Close(); err != nil || !errors.Is(chat.Err(), ErrChatClosed) {
		t.Error(err, chat.Err())
	}
	if _, _, err := chat.History(t.Context(), cnv, 0, 1); !errors.Is(err, ErrChatClosed) {
		t.Error(err)
	}
	s.c.CloseIdle()
	r.server.Close()
}
