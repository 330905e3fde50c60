package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"centinela/openapi/gen/chatframes"
	"centinela/shared/testkit"
)

// R5.4: what the server would take for an attack never leaves, not once and not again after each cut; everything that
// the specification allows does.
func TestChatRefusesByItself(t *testing.T) {
	r := newRelay(t)
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	send := func(conversation, text, id string) error {
		_, err := chat.SendAs(limited(t), conversation, text, id)
		return err
	}
	page := func(conversation string, before int64, limit int) error {
		_, _, err := chat.History(limited(t), conversation, before, limit)
		return err
	}
	open := func(resume map[string]int64) error {
		_, err := r.session("acc_eva").Chat(t.Context(), ChatOptions{Resume: resume})
		return err
	}
	for name, err := range map[string]error{
		"empty text":             send(cnv, "", "a"),
		"4,001 characters":       send(cnv, strings.Repeat("ñ", 4001), "a"),
		"a frame over 16 KiB":    send(cnv, strings.Repeat("\x01", 4000), "a"),
		"not UTF-8":              send(cnv, "a\xff", "a"),
		"no conversation":        send("", "x", "a"),
		"conversation of others": send("room", "x", "a"),
		"no client_id":           send(cnv, "x", ""),
		"client_id with a space": send(cnv, "x", "a b"),
		"page of nothing":        page(cnv, 0, 0),
		"page of 101":            page(cnv, 0, 101),
		"page before -1":         page(cnv, -1, 10),
		"typing nowhere":         chat.Typing("room"),
		"resume of no name":      open(map[string]int64{"room": 1}),
		"resume after -1":        open(map[string]int64{cnv: -1}),
	} {
		var p *Problem
		if !errors.As(err, &p) || p.Code != CodeInvalidField {
			t.Errorf("%s: %v", name, err)
		}
	}
	for err, want := range map[error]FieldProblem{
		send(cnv, strings.Repeat("ñ", 4001), "a"):       {"/text", CodeInvalidField, "must have 1 to 4000 characters"},
		send(cnv, "a\xff", "a"):                         {"/text", CodeInvalidField, "must be UTF-8"},
		page(cnv, 0, 101):                               {"/limit", CodeInvalidField, "must be from 1 to 100"},
		open(map[string]int64{cnv: 1, "room": 1 << 53}): {"/resume", CodeInvalidField, "has characters that are not taken here"},
	} {
		var p *Problem
		if !errors.As(err, &p) || len(p.Errors) != 1 || p.Errors[0] != want {
			t.Errorf("%v, want %+v", err, want)
		}
	}
	for i, text := range []string{strings.Repeat("<", 4000), strings.Repeat("😀", 4000), "x"} {
		if a, err := chat.Send(limited(t), cnv, text); err != nil || a.Seq != int64(i+1) {
			t.Errorf("%.8s…: %v, %v", text, a, err)
		}
	}
	if got := expect(t, chat, 1, 3); got[0].Text != strings.Repeat("<", 4000) {
		t.Error("the text was changed on the way")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.taken != 3 || len(r.hellos) != 1 {
		t.Errorf("%d frames and %d hellos came, want 3 and 1", r.taken, len(r.hellos))
	}
}

// TestChatNewerServer: frames of a later version are for later clients, and end nothing.
func TestChatNewerServer(t *testing.T) {
	r := newRelay(t)
	chat := r.open("acc_ana", map[string]int64{cnv: 0})
	r.mu.Lock()
	for s := range r.sockets {
		s.sayRaw(`{"type":"receipt","conversation":"` + cnv + `","seq":1}`)
	}
	r.mu.Unlock()
	r.write("after it")
	expect(t, chat, 1, 1)
	if chat.Resumed() != 0 {
		t.Error("the socket was cut")
	}
}

// TestChatSilentServer: a server that says no welcome holds nobody: neither who opens a chat, nor who closes one that
// is coming back.
func TestChatSilentServer(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	greeted := func(r *relay, n int) {
		testkit.Eventually(t, patience, func() (bool, string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return len(r.hellos) == n, fmt.Sprintf("%d hellos, want %d", len(r.hellos), n)
		})
	}
	r := newRelay(t)
	s := r.session("acc_ana")
	chat, err := s.Chat(t.Context(), ChatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.silent = true
	r.mu.Unlock()

	ctx, cancel := context.WithCancel(t.Context())
	opened := make(chan error, 1)
	go func() { _, err := s.Chat(ctx, ChatOptions{}); opened <- err }()
	greeted(r, 2)
	cancel()
	within(t, "Chat", opened, func(err error) bool { return errors.Is(err, context.Canceled) })

	r.cutAll()
	greeted(r, 3)
	closed := make(chan error, 1)
	go func() { closed <- chat.Close() }()
	within(t, "Close", closed, func(err error) bool { return err == nil })
	s.c.CloseIdle()
	r.server.CloseClientConnections()
	r.server.Close()
}

// within holds that done comes long before the 15 s that a welcome may take.
func within(t *testing.T, what string, done <-chan error, ok func(error) bool) {
	t.Helper()
	select {
	case err := <-done:
		if !ok(err) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s hangs", what)
	}
}

// TestChatAbandonedPage: the answer to a question that its asker gave up is not the answer to the next one.
func TestChatAbandonedPage(t *testing.T) {
	r := newRelay(t)
	for i := range 9 {
		r.write(fmt.Sprint(i))
	}
	asked, late := make(chan struct{}), []func(){}
	r.onPage = func(s *socket, f chatframes.ClientHistory) bool {
		late = append(late, func() {
			s.say(chatframes.ServerHistory{Conversation: f.Conversation, Messages: r.page(f.Before, int(f.Limit))})
		})
		if len(late) == 2 {
			for _, say := range late {
				say()
			}
		}
		asked <- struct{}{}
		return true
	}
	chat := r.open("acc_ana", nil)
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	go func() { _, _, err := chat.History(ctx, cnv, 9, 3); first <- err }()
	<-asked
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	go func() { <-asked }()
	page, _, err := chat.History(limited(t), cnv, 5, 2)
	if err != nil || len(page) != 2 || page[0].Seq != 4 {
		t.Errorf("page %+v, %v; want 4 and 3", page, err)
	}
}

// TestChatLeftConversation: one that the person is no longer in ends its own resuming, not the chat and not the others.
func TestChatLeftConversation(t *testing.T) {
	const gone = "cnv_00000000000000000000gone"
	t.Run("beyond hello", func(t *testing.T) {
		r := newRelay(t)
		r.left = map[string]bool{}
		resume := map[string]int64{cnv: 0}
		for i := range 200 {
			name := fmt.Sprintf("cnv_%024d", 1000+i)
			r.left[name], resume[name] = true, 7
		}
		r.write("one")
		chat := r.open("acc_ana", resume)
		expect(t, chat, 1, 1)
		if a, err := chat.Send(limited(t), cnv, "x"); err != nil || a.Seq != 2 {
			t.Fatal(a, err)
		}
	})
	t.Run("refused and with a gap", func(t *testing.T) {
		r := newRelay(t)
		r.left = map[string]bool{gone: true}
		chat := r.open("acc_ana", map[string]int64{cnv: 0, gone: 3})
		r.mu.Lock()
		for s := range r.sockets {
			s.say(chatframes.ServerResumed{Conversation: gone, From: 4, To: 900, Gap: true})
			s.say(chatframes.ServerRefused{Conversation: gone, Code: codeConversationNotFound, Detail: "there is none"})
		}
		r.mu.Unlock()
		r.write("one")
		expect(t, chat, 1, 1)
		if err := chat.Err(); err != nil || chat.Resumed() != 0 {
			t.Errorf("%v, cut %d times", err, chat.Resumed())
		}
		r.cutAll()
		r.write("two")
		expect(t, chat, 2, 2)
		r.mu.Lock()
		defer r.mu.Unlock()
		if _, still := r.hellos[len(r.hellos)-1].Resume[gone]; still {
			t.Error("it is asked for again at each resume")
		}
	})
}

// TestChatPausesLonger: connections that bring nothing are tried again ever more slowly, however well they begin; one
// that brought something begins anew.
func TestChatPausesLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dials, useful atomic.Int32
		up := websocket.Upgrader{Subprotocols: []string{chatframes.Subprotocol}}
		pipes := newPipes(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			conn, err := up.Upgrade(w, q, nil)
			if err != nil {
				return // the chat was closed while it dialed
			}
			defer conn.Close()
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
			n := int64(dials.Add(1))
			s := &socket{conn: conn}
			s.say(chatframes.ServerWelcome{Session: "ses_1", Account: "acc_1"})
			if useful.Load() > 0 {
				s.say(chatframes.ServerMessage{Conversation: cnv, Seq: n, ClientID: "x", Sender: "acc_2", Kind: "text", Text: "x"})
			}
			time.Sleep(time.Millisecond) // of the bubble: a pipe, unlike a socket, loses what was sent when it is closed
		}))
		client, err := New("http://suite")
		if err != nil {
			t.Fatal(err)
		}
		s := client.Restore(Tokens{Session: "ses_1", Access: "a", AccessExpiry: time.Now().Add(time.Hour).UnixMilli()})
		chat, err := s.Chat(t.Context(), ChatOptions{Dial: pipes.dial})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := dials.Load(); n < 5 || n > 15 {
			t.Errorf("%d connections in a minute without any use, want about 11", n)
		}
		useful.Store(1)
		time.Sleep(20 * time.Second) // the long pause passes
		before := dials.Load()
		go func() {
			for range chat.Messages() {
			}
		}()
		time.Sleep(10 * time.Second)
		if n := dials.Load() - before; n < 40 {
			t.Errorf("%d connections in 10 s that each brought a message, want one each 100 to 200 ms", n)
		}
		if err := chat.Close(); err != nil {
			t.Error(err)
		}
	})
}

// pipes is a network within a bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes(t *testing.T, h http.Handler) *pipes {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(p) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return p
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// TestChatTLS: the socket trusts whom the calls trust.
func TestChatTLS(t *testing.T) {
	r := newRelay(t)
	suite := httptest.NewUnstartedServer(r.server.Config.Handler)
	suite.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about who doesn't trust it
	suite.StartTLS()
	t.Cleanup(suite.Close)
	open := func(opts ...Option) error {
		client, err := New(suite.URL, opts...)
		if err != nil {
			t.Fatal(err)
		}
		s := client.Restore(Tokens{Session: "ses_1", Access: "acc_ana", AccessExpiry: time.Now().Add(time.Hour).UnixMilli()})
		chat, err := s.Chat(t.Context(), ChatOptions{})
		if err != nil {
			return err
		}
		return chat.Close()
	}
	if err := open(WithHTTPClient(suite.Client())); err != nil {
		t.Errorf("with the suite's own certificate authority: %v", err)
	}
	if err := open(); err == nil {
		t.Error("an authority that nobody named is trusted")
	}
}
