package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/openapi/gen/gatewayclient"
)

// run reads a connection until it ends, and brings the next one, until the chat
// ends.
func (c *Chat) run(conn *websocket.Conn, again []chatframes.ClientFrame) {
	defer close(c.ended)
	defer close(c.messages)
	defer context.AfterFunc(c.ctx, func() { c.hangUp() })()
	for wait := firstBackoff; ; {
		before, since := c.progress(), time.Now()
		err := c.serve(conn, again)
		c.mu.Lock()
		c.conn = nil
		c.mu.Unlock()
		_ = conn.Close() // it failed already
		// A connection that brought nothing doesn't count as one: what ended it would
		// end the next ones too, and the server must not be asked without a pause.
		if c.progress() != before || time.Since(since) >= maxBackoff {
			wait = firstBackoff
		}
		for err != nil {
			if c.ctx.Err() != nil {
				return
			}
			if final(err) {
				c.stop(err)
				return
			}
			if sleep(c.ctx, wait+time.Duration(rand.Int64N(int64(wait)))) != nil {
				return
			}
			wait = min(2*wait, maxBackoff)
			conn, err = c.connect(c.ctx)
		}
		again = c.attach(conn)
		c.mu.Lock()
		c.resumed++
		c.mu.Unlock()
	}
}

// hangUp ends the connection of a chat that was closed.
func (c *Chat) hangUp() {
	conn := c.current()
	if conn == nil {
		return
	}
	// A goodbye that doesn't arrive is a cut, which the server takes as well. It may
	// be written beside a frame that is stuck.
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(goodbyeTime))
	_ = conn.Close()
}

// progress counts what the server has brought so far.
func (c *Chat) progress() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.advanced
}

// final reports whether another try would be refused again.
func final(err error) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return false
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest:
		return true
	}
	return p.Code == CodeSessionRevoked
}

// attach makes conn the current one, and returns what has no answer yet: what
// is sent from now on goes over conn by itself.
func (c *Chat) attach(conn *websocket.Conn) []chatframes.ClientFrame {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = conn
	var again []chatframes.ClientFrame
	for _, s := range c.sending {
		again = append(again, s.frame)
	}
	c.browsing = slices.DeleteFunc(c.browsing, func(b *browsing) bool { return b.abandoned })
	for _, b := range c.browsing {
		again = append(again, b.frame)
	}
	return again
}

// serve sends again what has no answer, and reads until it fails.
func (c *Chat) serve(conn *websocket.Conn, again []chatframes.ClientFrame) error {
	if c.ctx.Err() != nil {
		return c.Err() // closed in between: hangUp has not seen this connection
	}
	for _, frame := range again {
		if err := c.write(conn, frame); err != nil {
			return err
		}
	}
	if err := c.catchUp(); err != nil {
		return err
	}
	for {
		frame, err := readFrame(conn)
		if err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(quietTime)); err != nil {
			return fmt.Errorf("sdk: chat: %w", err)
		}
		if err := c.take(frame); err != nil && !errors.Is(err, errNotIn) {
			return err
		}
	}
}

// errNotIn: the person is not, or no longer, in the conversation. It ends nothing
// but the resuming of that conversation.
var errNotIn = errors.New("sdk: chat: not in the conversation")

// notIn reports whether a refusal says so, and forgets the conversation then.
func (c *Chat) notIn(err error, conversation string) bool {
	if !HasCode(err, codeNotFound) && !HasCode(err, codeConversationNotFound) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.last, conversation)
	return true
}

// catchUp fetches what was missed in conversations that hello had no room for.
func (c *Chat) catchUp() error {
	c.mu.Lock()
	beyond := c.beyond
	c.mu.Unlock()
	for _, conversation := range beyond {
		ctx, cancel := context.WithTimeout(c.ctx, callTimeout)
		found, err := c.s.Conversations().Get(ctx, conversation)
		cancel()
		if c.notIn(err, conversation) {
			continue
		}
		if err != nil {
			return fmt.Errorf("sdk: chat: fetch what was missed: %w", err)
		}
		if err := c.fill(conversation, found.LastSeq); err != nil && !errors.Is(err, errNotIn) {
			return err
		}
	}
	return nil
}

// readFrame reads the next frame that this version knows. A server that is newer
// may send others: they are for newer clients.
func readFrame(conn *websocket.Conn) (chatframes.ServerFrame, error) {
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			return nil, fmt.Errorf("sdk: chat: %w", err)
		}
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(data, &head); err != nil {
			return nil, fmt.Errorf("sdk: chat: the server's frame is not JSON: %w", err)
		}
		frame := chatframes.NewServer(head.Type)
		if frame == nil {
			continue
		}
		if err := json.Unmarshal(data, frame); err != nil {
			return nil, fmt.Errorf("sdk: chat: the server's frame is not what the specification says: %w", err)
		}
		return frame, nil
	}
}

// take does what a frame says.
func (c *Chat) take(frame chatframes.ServerFrame) error {
	switch f := frame.(type) {
	case *chatframes.ServerMessage:
		return c.arrive(messageOf(*f))
	case *chatframes.ServerResumed:
		if f.Gap {
			return c.fill(f.Conversation, f.To)
		}
	case *chatframes.ServerAccepted:
		return c.accepted(f)
	case *chatframes.ServerRefused:
		problem := &Problem{Code: f.Code, Detail: f.Detail, RetryAfter: time.Duration(f.RetryAfter) * time.Second}
		if f.ClientID != "" {
			c.settle(f.ClientID, f.Conversation, answered{err: problem})
			return nil
		}
		c.notIn(problem, f.Conversation) // a resume is refused so as well
		c.turnPage(f.Conversation, page{err: problem})
	case *chatframes.ServerHistory:
		p := page{more: f.More}
		for _, m := range f.Messages {
			p.messages = append(p.messages, messageOf(m))
		}
		c.turnPage(f.Conversation, p)
	case *chatframes.ServerError:
		select {
		case c.faults <- Fault{Code: f.Code, Fault: f.Fault, Detail: f.Detail}:
		default: // nobody reads them
		}
	}
	return nil
}

// accepted answers Send. The server sends "accepted" where everybody else gets
// the message, so it is delivered here as well, in its turn.
func (c *Chat) accepted(f *chatframes.ServerAccepted) error {
	mine := c.settle(f.ClientID, f.Conversation, answered{accepted: Accepted{Seq: f.Seq, At: f.At}})
	if mine != nil {
		return c.arrive(Message{
			At: f.At, ClientId: f.ClientID, Conversation: f.Conversation, Kind: gatewayclient.MessageKind(mine.Kind),
			ReplyTo: given(mine.ReplyTo), Sender: c.account(), Seq: f.Seq, Text: mine.Text,
		})
	}
	// Who sent it has given up waiting; nobody here knows the text any more.
	c.mu.Lock()
	last, known := c.last[f.Conversation]
	c.mu.Unlock()
	if !known || f.Seq <= last {
		return nil
	}
	return c.fill(f.Conversation, f.Seq)
}

// arrive delivers a message in its turn: one that came before is dropped, and
// what is missing before it is fetched first.
func (c *Chat) arrive(m Message) error {
	c.mu.Lock()
	last, known := c.last[m.Conversation]
	c.mu.Unlock()
	switch {
	case !known, m.Seq == last+1:
		return c.deliver(m)
	case m.Seq <= last:
		return nil
	}
	if err := c.fill(m.Conversation, m.Seq-1); err != nil {
		return err
	}
	return c.deliver(m)
}

func (c *Chat) deliver(m Message) error {
	select {
	case c.messages <- m:
	case <-c.ctx.Done():
		return c.Err()
	}
	c.mu.Lock()
	c.last[m.Conversation] = m.Seq
	c.advanced++
	c.mu.Unlock()
	return nil
}

// fill fetches and delivers what is missing up to the number to. A failure ends
// the connection, and the next one resumes from what was delivered.
func (c *Chat) fill(conversation string, to int64) error {
	c.mu.Lock()
	last := c.last[conversation]
	c.mu.Unlock()
	var missing []Message
	for before := to + 1; before > last+1; {
		ctx, cancel := context.WithTimeout(c.ctx, callTimeout)
		part, err := c.s.Conversations().Messages(ctx, conversation, before, 100)
		cancel()
		if c.notIn(err, conversation) {
			return errNotIn
		}
		if err != nil {
			return fmt.Errorf("sdk: chat: fetch what was missed: %w", err)
		}
		if len(part) == 0 {
			return fmt.Errorf("sdk: chat: the messages %d to %d of %s are nowhere", last+1, before-1, conversation)
		}
		missing = append(missing, part...)
		before = part[len(part)-1].Seq
	}
	for _, m := range slices.Backward(missing) {
		if m.Seq <= last {
			continue
		}
		if err := c.deliver(m); err != nil {
			return err
		}
	}
	return nil
}

// settle answers every Send under that client_id in that conversation (a
// refusal may leave the conversation out), and returns what was sent, nil when
// nobody waits.
func (c *Chat) settle(clientID, conversation string, a answered) *chatframes.ClientSend {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sent *chatframes.ClientSend
	c.sending = slices.DeleteFunc(c.sending, func(s *sending) bool {
		if s.frame.ClientID != clientID || (conversation != "" && s.frame.Conversation != conversation) {
			return false
		}
		s.answer <- a // has room, and is answered once
		c.advanced++
		sent = &s.frame
		return true
	})
	return sent
}

// turnPage answers the first History of that conversation.
func (c *Chat) turnPage(conversation string, p page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.browsing, func(b *browsing) bool { return b.frame.Conversation == conversation })
	if i < 0 {
		return
	}
	c.browsing[i].answer <- p // has room, and is answered once
	c.advanced++
	c.browsing = slices.Delete(c.browsing, i, i+1)
}

// forget lets go of what nobody waits for any more.
func (c *Chat) forget(s *sending, b *browsing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = slices.DeleteFunc(c.sending, func(o *sending) bool { return o == s })
	if b != nil {
		b.abandoned = true // attach takes it out, or its answer does
	}
}

func messageOf(f chatframes.ServerMessage) Message {
	return Message{
		At: f.At, ClientId: f.ClientID, Conversation: f.Conversation, Kind: gatewayclient.MessageKind(f.Kind),
		ReplyTo: given(f.ReplyTo), Sender: f.Sender, Seq: f.Seq, Text: f.Text,
	}
}
