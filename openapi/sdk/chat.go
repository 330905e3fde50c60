package sdk

import (
	"context"
	"errors"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
)

const (
	// undelivered is how many messages wait for the app before the socket waits too.
	undelivered = 256
	// unread is how many faults wait for the app before newer ones are dropped.
	unread = 16
)

// ErrChatClosed is what a Chat answers after Close.
var ErrChatClosed = errors.New("sdk: the chat is closed")

// ChatOptions change a chat socket.
type ChatOptions struct {
	// Resume is the last number seen in each conversation: what came after it is
	// delivered first. 0 delivers all there is. A conversation that is not named
	// starts with what comes live.
	Resume map[string]int64
	// Dial replaces the dialing of the TCP connection (tests, proxies).
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Accepted says that a message is stored and synced.
type Accepted struct {
	Seq int64
	At  time.Time
}

// Fault is what the server found wrong with a frame of ours.
type Fault struct{ Code, Fault, Detail string }

// Chat is a socket that stays: after a cut it dials again, resumes, and sends
// again what was not accepted. Each conversation's messages, one's own too, come
// in order, without a gap and none twice. It is safe for concurrent use.
type Chat struct {
	s    *Session
	opts ChatOptions

	ctx      context.Context
	stop     context.CancelCauseFunc
	ended    chan struct{}
	messages chan Message
	faults   chan Fault

	mu       sync.Mutex
	conn     *websocket.Conn // nil while there is none
	self     string          // the account, as the welcome names it
	longest  int64           // what the welcome allows a frame, in bytes
	advanced int             // how many answers and messages came in all
	resumed  int             // how many times the socket came back
	last     map[string]int64
	beyond   []string // conversations that the last hello had no room for
	sending  []*sending
	browsing []*browsing

	writing sync.Mutex // gorilla takes one writer at a time
}

// sending is a message on its way.
type sending struct {
	frame  chatframes.ClientSend
	answer chan answered
}

type answered struct {
	accepted Accepted
	err      error
}

// browsing is a page of history that was asked for. The server answers in order
// and without a name, so one that nobody waits for any more keeps its place.
type browsing struct {
	frame     chatframes.ClientHistory
	answer    chan page
	abandoned bool
}

type page struct {
	messages []Message
	more     bool
	err      error
}

// Chat opens the socket. It answers when the server has welcomed the session,
// and the socket then lives until Close, the end of ctx, or a refusal that
// another try would not change (see Done).
//
// Read Messages as long as it is open: when 256 wait, nothing else arrives.
func (s *Session) Chat(ctx context.Context, opts ChatOptions) (*Chat, error) {
	c := &Chat{
		s: s, opts: opts, ended: make(chan struct{}), messages: make(chan Message, undelivered),
		faults: make(chan Fault, unread), last: map[string]int64{},
	}
	maps.Copy(c.last, opts.Resume)
	if err := c.resumable(opts.Resume); err != nil {
		return nil, err
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.ctx, c.stop = context.WithCancelCause(ctx)
	go c.run(conn, c.attach(conn))
	return c, nil
}

// Messages delivers until the chat ends, and is closed then.
func (c *Chat) Messages() <-chan Message { return c.messages }

// Faults delivers what the server found wrong with our frames: nothing, unless
// the frames were made by hand. When nobody reads, the newest are dropped.
func (c *Chat) Faults() <-chan Fault { return c.faults }

// Done is closed when the chat has ended; Err says why.
func (c *Chat) Done() <-chan struct{} { return c.ended }

// Err is nil while the chat lives; then ErrChatClosed, the context's error, or
// the refusal that ended it.
func (c *Chat) Err() error { return context.Cause(c.ctx) }

// Resumed is how many times the socket was lost and came back.
func (c *Chat) Resumed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resumed
}

// Send sends a text and waits until it is stored. A cut in between is no error:
// it is sent again, and stored once. What the server would take for a broken
// frame (an empty text, more than 4,000 characters) is a *Problem and not sent.
func (c *Chat) Send(ctx context.Context, conversation, text string) (Accepted, error) {
	return c.SendAs(ctx, conversation, text, random(18))
}

// SendAs is Send with a client_id of one's own: the same one in the same
// conversation is the same message, and answers what the first one answered.
func (c *Chat) SendAs(ctx context.Context, conversation, text, clientID string) (Accepted, error) {
	out := &sending{
		frame:  chatframes.ClientSend{Conversation: conversation, Kind: "text", Text: text, ClientID: clientID},
		answer: make(chan answered, 1),
	}
	if err := c.fits(chatframes.StateReady, out.frame); err != nil {
		return Accepted{}, err
	}
	c.enter(out.frame, func() { c.sending = append(c.sending, out) })
	defer c.forget(out, nil)
	select {
	case a := <-out.answer:
		return a.accepted, a.err
	case <-c.ctx.Done():
		return Accepted{}, c.Err()
	case <-ctx.Done():
		return Accepted{}, ctx.Err()
	}
}

// History is a page of messages before a number (0: the newest), newest first,
// and whether there are older ones. limit is 1 to 100.
func (c *Chat) History(ctx context.Context, conversation string, before int64, limit int) (messages []Message, more bool, err error) {
	ask := &browsing{
		frame:  chatframes.ClientHistory{Conversation: conversation, Before: before, Limit: int64(limit)},
		answer: make(chan page, 1),
	}
	if err := c.fits(chatframes.StateReady, ask.frame); err != nil {
		return nil, false, err
	}
	c.enter(ask.frame, func() { c.browsing = append(c.browsing, ask) })
	defer c.forget(nil, ask)
	select {
	case p := <-ask.answer:
		return p.messages, p.more, p.err
	case <-c.ctx.Done():
		return nil, false, c.Err()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}

// Typing tells the others that the person is writing.
func (c *Chat) Typing(conversation string) error {
	frame := chatframes.ClientTyping{Conversation: conversation}
	if err := c.fits(chatframes.StateReady, frame); err != nil {
		return err
	}
	return c.write(c.current(), frame)
}

// SendRaw sends any frame as it is (kind is websocket.TextMessage or
// websocket.BinaryMessage): for tests of what the server refuses.
func (c *Chat) SendRaw(kind int, data []byte) error { return c.writeRaw(c.current(), kind, data) }

// Close ends the chat.
func (c *Chat) Close() error {
	c.stop(ErrChatClosed)
	<-c.ended
	return nil
}

// enter notes what is under way and sends it, if there is a connection. If there
// is none, or it fails, it is sent when the socket is back.
func (c *Chat) enter(frame chatframes.ClientFrame, note func()) {
	c.mu.Lock()
	note()
	conn := c.conn
	c.mu.Unlock()
	if conn != nil && c.write(conn, frame) != nil {
		_ = conn.Close() // the reader sees it, and dials again
	}
}

func (c *Chat) account() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self
}

func (c *Chat) current() *websocket.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn
}
