package socket

import (
	"errors"
	"math"
	"time"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/protocol"
	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/fault"
)

// take decodes a frame and carries it out.
func (c *conn) take(binary bool, data []byte) {
	command, violation := c.automaton.Decode(binary, data)
	if violation != nil {
		c.violate(violation)
		return
	}
	c.door.metrics.frames.WithLabelValues(command.FrameType()).Inc()
	var err error
	switch f := command.(type) {
	case *chatframes.ClientHello:
		c.hello(f)
	case *chatframes.ClientSend:
		err = c.relaySend(f)
	case *chatframes.ClientHistory:
		err = c.history(f)
	case *chatframes.ClientTyping:
		err = c.typing(f)
	case *chatframes.ClientPing:
		err = c.send(chatframes.ServerPong{At: c.door.Clock.Now()})
	}
	if err != nil && !errors.Is(err, errEnded) {
		c.log.Error("a frame was not answered", "frame", command.FrameType(), "error", err)
		c.end(ending{closeInternal, string(fault.CodeInternal), "an error of ours"})
	}
}

func (c *conn) relaySend(f *chatframes.ClientSend) error {
	ctx, cancel := c.context()
	defer cancel()
	_, err := c.door.Relay.Send(ctx, relay.Draft{
		Conversation: f.Conversation, ClientID: f.ClientID, Text: f.Text, ReplyTo: f.ReplyTo,
		Account: c.account, Session: c.session, Origin: c.from, From: c,
	})
	if err != nil {
		return c.refused(err, f.FrameType(), f.ClientID, f.Conversation)
	}
	return nil // the relay has delivered "accepted", in the order of the conversation
}

func (c *conn) history(f *chatframes.ClientHistory) error {
	ctx, cancel := c.context()
	defer cancel()
	page, more, err := c.door.Relay.Page(ctx, c.account, f.Conversation, f.Before, int(f.Limit))
	if err != nil {
		return c.refused(err, f.FrameType(), "", f.Conversation)
	}
	messages, size := make([]chatframes.ServerMessage, 0, len(page)), 0
	for _, m := range page {
		if size += maxEncoded(m); size > historyBytes && len(messages) > 0 {
			more = true // the client goes on from the last one
			break
		}
		messages = append(messages, wireMessage(m))
	}
	return c.sendWhenRoom(chatframes.ServerHistory{Conversation: f.Conversation, Messages: messages, More: more})
}

// maxEncoded is the most bytes that a message can be as JSON, where a byte of text may become an escape of six.
func maxEncoded(m relay.Message) int { return 6*len(m.Text) + 512 }

func (c *conn) typing(f *chatframes.ClientTyping) error {
	ctx, cancel := c.context()
	defer cancel()
	if err := c.door.Relay.Typing(ctx, c.account, f.Conversation, c); err != nil {
		return c.refused(err, f.FrameType(), "", f.Conversation)
	}
	return nil
}

// refused answers a command that isn't carried out. What is our own fault is logged, once, and shown without its cause.
func (c *conn) refused(err error, command, clientID, conversation string) error {
	f := fault.From(err)
	if f.Kind == fault.KindInternal || f.Kind == fault.KindUnavailable {
		c.log.Error("a command failed", "frame", command, "error", f, "cause", errors.Unwrap(f))
	}
	c.door.metrics.refused.WithLabelValues(string(f.Code)).Inc()
	detail := f.Detail
	if detail == "" {
		detail = "an error of ours"
	}
	return c.send(chatframes.ServerRefused{
		ClientID: clientID, Conversation: conversation, Code: string(f.Code), Detail: detail,
		RetryAfter: int64(math.Ceil(f.RetryAfter.Seconds())),
	})
}

// violate answers a frame that broke the protocol, records it, and ends the socket at the third one in ten minutes.
func (c *conn) violate(v *protocol.Violation) {
	now := c.count(v)
	err := c.send(chatframes.ServerError{Code: string(fault.CodeProtocolViolation), Fault: string(v.Fault), Detail: v.Error()})
	if err != nil {
		c.log.Error("a violation was not answered", "error", err)
	}
	recent := c.violations[:0]
	for _, at := range c.violations {
		if now.Sub(at) < violationsIn {
			recent = append(recent, at)
		}
	}
	c.violations = append(recent, now)
	if len(c.violations) >= maxViolations {
		c.end(ending{closePolicy, string(fault.CodeProtocolViolation), "too many frames that break the protocol"})
	}
}

// count counts a violation and records it, and returns when it was.
func (c *conn) count(v *protocol.Violation) time.Time {
	now := c.door.Clock.Now()
	c.door.metrics.violations.WithLabelValues(string(v.Fault)).Inc()
	c.violated++
	c.recordViolation(v, now)
	return now
}

// wireMessage is the one place where a message becomes a frame.
func wireMessage(m relay.Message) chatframes.ServerMessage {
	return chatframes.ServerMessage{
		Type: chatframes.ServerMessage{}.FrameType(), Conversation: m.Conversation, Seq: m.Seq, ClientID: m.ClientID,
		Sender: m.Sender, Kind: m.Kind, Text: m.Text, ReplyTo: m.ReplyTo, At: m.At.UTC().Truncate(time.Millisecond),
	}
}

// Codec makes the relay's frames.
type Codec struct{}

var _ relay.Codec = Codec{}

// Message implements relay.Codec.
func (Codec) Message(m relay.Message) ([]byte, error) { return wireMessage(m).Encode() }

// Accepted implements relay.Codec.
func (Codec) Accepted(m relay.Message) ([]byte, error) {
	return chatframes.ServerAccepted{ClientID: m.ClientID, Conversation: m.Conversation, Seq: m.Seq, At: m.At}.Encode()
}

// Typing implements relay.Codec.
func (Codec) Typing(conversation, account string) ([]byte, error) {
	return chatframes.ServerTyping{Conversation: conversation, Account: account}.Encode()
}
