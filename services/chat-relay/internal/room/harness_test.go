package room_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"centinela/services/chat-relay/internal/bus"
	"centinela/services/chat-relay/internal/digest"
	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/store/sqlite"
	"centinela/shared/clock"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const patience = 20 * time.Second

// relay is a room.Chat on a real store, into which a test can plant faults.
type relay struct {
	*room.Chat
	teller *digest.Teller
	t      *testing.T
	store  *faulty
	clk    *clock.Manual
	panics *testkit.Buffer
	cancel func() // Run is told to end
	stop   func() // and has ended
}

var errLost = errors.New("the answer got lost")

// faulty is a store whose next calls go wrong.
type faulty struct {
	*sqlite.Store
	mu            sync.Mutex
	before, after map[string]func() error // by method: instead of the call, and in place of its answer
	appends       int
	lifts         []string // texts of the messages that brought their conversation up
}

func (f *faulty) plant(at map[string]func() error, method string, fault func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at[method] = fault
}

func (f *faulty) take(at map[string]func() error, method string) error {
	f.mu.Lock()
	fault := at[method]
	delete(at, method)
	f.mu.Unlock()
	if fault != nil {
		return fault()
	}
	return nil
}

func (f *faulty) Append(ctx context.Context, b room.Batch) ([]room.Fate, error) {
	f.mu.Lock()
	f.appends++
	for _, e := range b.Entries {
		if e.Lift {
			f.lifts = append(f.lifts, e.Text)
		}
	}
	f.mu.Unlock()
	for _, e := range b.Entries {
		if e.Text == "poison" {
			panic("planted by a test")
		}
		if e.Text == "bad" {
			return nil, errors.New("planted by a test")
		}
	}
	if err := f.take(f.before, "Append"); err != nil {
		return nil, err
	}
	fates, err := f.Store.Append(ctx, b)
	if lost := f.take(f.after, "Append"); lost != nil {
		return nil, lost
	}
	return fates, err
}

func (f *faulty) After(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	if err := f.take(f.before, "After"); err != nil {
		return nil, err
	}
	return f.Store.After(ctx, conversation, seq, limit)
}

func (f *faulty) Conversation(ctx context.Context, id string) (room.Conversation, error) {
	if err := f.take(f.before, "Conversation"); err != nil {
		return room.Conversation{}, err
	}
	return f.Store.Conversation(ctx, id)
}

func (f *faulty) CloseDigests(ctx context.Context, closed []digest.Closed) error {
	if err := f.take(f.before, "CloseDigests"); err != nil {
		return err
	}
	return f.Store.CloseDigests(ctx, closed)
}

func newStore(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newRelay makes one and runs its messages.
func newRelay(t *testing.T, change func(o *room.Options)) *relay {
	t.Helper()
	r := relayOn(t, newStore(t, filepath.Join(t.TempDir(), "chat-relay.db")), change)
	r.run()
	return r
}

// relayOn makes one that doesn't run yet.
func relayOn(t *testing.T, store *sqlite.Store, change func(o *room.Options)) *relay {
	t.Helper()
	r := &relay{
		t: t, clk: clock.NewManual(noon), panics: &testkit.Buffer{}, stop: func() {},
		store: &faulty{Store: store, before: map[string]func() error{}, after: map[string]func() error{}},
	}
	o := room.Options{
		Log: r.store, Rooms: r.store, Book: digest.NewBook("rly_1"), Bus: bus.NewMemory().Join(), Clock: r.clk,
		Rate: room.Rate{Burst: 10, Leak: 5 * time.Second}, Kick: func() {},
		Panicked: func(from record.Origin, cause any, _ []byte) {
			fmt.Fprintf(r.panics, "%s: %v\n", from.RequestID, cause)
		},
	}
	if change != nil {
		change(&o)
	}
	r.Chat = room.New(o)
	r.teller = digest.NewTeller(o.Book, digest.Options{Service: "chat-relay", Store: r.store, Messages: room.Counted(r.store), Clock: r.clk, Kick: func() {}})
	return r
}

func (r *relay) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.cancel = cancel
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(r.stop)
}

// talk makes a conversation of accounts.
func (r *relay) talk(accounts ...string) string {
	r.t.Helper()
	c := room.Conversation{ID: id.New("cnv"), Kind: room.Group, CreatedBy: accounts[0], CreatedAt: r.clk.Now(), ActiveAt: r.clk.Now()}
	for _, a := range accounts {
		c.Members = append(c.Members, room.Member{Account: a, UserName: a, AddedAt: r.clk.Now()})
	}
	if _, err := r.store.Create(r.t.Context(), c, record.New(r.clk.Now(), "chat-relay", record.ChatConversationCreated, record.Success, record.Origin{})); err != nil {
		r.t.Fatal(err)
	}
	return c.ID
}

// socket is a connection of an account.
type socket struct {
	r       *relay
	account string
	all     chan string
}

func (r *relay) connect(account string) *socket {
	s := &socket{r: r, account: account, all: make(chan string, 10_000)}
	r.t.Cleanup(r.Subscribe(account, s))
	return s
}

func (s *socket) Deliver(u *room.Update) {
	var line string
	switch {
	case u.Message != nil:
		line = fmt.Sprintf("%d %s", u.Message.Seq, u.Message.Text)
	case u.Accepted != nil:
		line = fmt.Sprintf("accepted %d %s", u.Accepted.Seq, u.Accepted.ClientID)
	case u.Refused != nil:
		line = fmt.Sprintf("refused %s: %v", u.Refused.ClientID, u.Refused.Err)
	default:
		line = "typing " + u.Typing.Account
	}
	s.all <- line
}

func (s *socket) draft(conversation, clientID, text string) room.Draft {
	return room.Draft{
		Conversation: conversation, Account: s.account, Session: "ses_" + s.account, ClientID: clientID, Text: text, From: s,
		Origin: record.Origin{RequestID: "request of " + s.account},
	}
}

// send hands a message on, which is its own client id where none is given.
func (s *socket) send(conversation, text string, clientID ...string) {
	s.r.t.Helper()
	name := append(clientID, text)[0]
	if err := s.r.Send(s.r.t.Context(), s.draft(conversation, name, text)); err != nil {
		s.r.t.Fatalf("%s: %v", text, err)
	}
}

// expect holds what comes next, in order.
func (s *socket) expect(want ...string) {
	s.r.t.Helper()
	for _, w := range want {
		select {
		case got := <-s.all:
			if got != w {
				s.r.t.Errorf("%s got %q, want %q", s.account, got, w)
			}
		case <-time.After(patience):
			s.r.t.Fatalf("%s got nothing, want %q", s.account, w)
		}
	}
}

// nothing holds that nothing has come: all that was sent before is settled.
func (s *socket) nothing() {
	s.r.t.Helper()
	if err := s.r.SettleAll(s.r.t.Context()); err != nil {
		s.r.t.Fatal(err)
	}
	select {
	case got := <-s.all:
		s.r.t.Errorf("%s got %q, want nothing", s.account, got)
	default:
	}
}

// texts is what the log has of a conversation.
func (r *relay) texts(conversation string) (list []string) {
	r.t.Helper()
	messages, err := r.store.Store.After(r.t.Context(), conversation, 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for i, m := range messages {
		if m.Seq != int64(i+1) {
			r.t.Errorf("message %d has number %d", i+1, m.Seq)
		}
		list = append(list, m.Text)
	}
	return list
}

func (r *relay) stored(conversation string, want ...string) {
	r.t.Helper()
	if got := r.texts(conversation); !slices.Equal(got, want) {
		r.t.Errorf("stored %q, want %q", got, want)
	}
}
