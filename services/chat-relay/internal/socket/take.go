package socket

import (
	"errors"
	"math"
	"slices"
	"time"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/protocol"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/fault"
)

// take decodes a frame and carries it out.
func (c *conn) take(binary bool, data []byte) {
	command, violation := protocol.Decode(c.state, binary, data)
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
		err = c.sendMessage(f)
	case *chatframes.ClientHistory:
		err = c.history(f)
	case *chatframes.ClientTyping:
		err = c.typing(f)
	case *chatframes.ClientPing:
		err = c.send(chatframes.ServerPong{At: c.door.Clock.Now()})
	}
	if err != nil && !errors.Is(err, errEnded) {
		c.log.Error("a frame was not answered", "frame", command.FrameType(), "error", err)
		c.close(endInternal)
	}
}

func (c *conn) sendMessage(f *chatframes.ClientSend) error {
	who := c.who.Load()
	err := c.door.Chat.Send(c.door.running, room.Draft{
		Conversation: f.Conversation, ClientID: f.ClientID, Text: f.Text, ReplyTo: f.ReplyTo,
		Account: who.account, Session: who.session, Origin: who.from, From: c,
	})
	if err != nil {
		return c.refused(err, f.FrameType(), f.ClientID, f.Conversation)
	}
	return nil // the answer comes by Deliver, in the order of the conversation
}

// refusedSend answers a message that isn't stored, or of which nobody can say so now: then the client asks again.
func (c *conn) refusedSend(r *room.Refusal) {
	switch {
	case errors.Is(r.Err, room.ErrPanicked):
		c.close(endInternal)
	case errors.Is(r.Err, room.ErrUnpublished):
		c.log.Error("a message was not answered", "error", r.Err)
		c.close(endUnread)
	default:
		if err := c.refused(r.Err, chatframes.ClientSend{}.FrameType(), r.ClientID, r.Conversation); err != nil {
			c.log.Error("a message was not answered", "error", err)
			c.close(endInternal)
		}
	}
}

func (c *conn) history(f *chatframes.ClientHistory) error {
	ctx, cancel := c.context()
	defer cancel()
	page, more, err := c.door.Chat.Page(ctx, c.who.Load().account, f.Conversation, f.Before, int(f.Limit))
	if err != nil {
		return c.refused(err, f.FrameType(), "", f.Conversation)
	}
	messages, size := make([]chatframes.ServerMessage, 0, len(page)), 0
	for i := range page {
		if size += maxEncoded(&page[i]); size > historyBytes && len(messages) > 0 {
			more = true // the client goes on from the last one
			break
		}
		messages = append(messages, wireMessage(&page[i]))
	}
	return c.sendWhenRoom(chatframes.ServerHistory{Conversation: f.Conversation, Messages: messages, More: more})
}

func (c *conn) typing(f *chatframes.ClientTyping) error {
	ctx, cancel := c.context()
	defer cancel()
	if err := c.door.Chat.Typing(ctx, c.who.Load().account, f.Conversation, c); err != nil {
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
	c.violations = append(slices.DeleteFunc(c.violations, func(at time.Time) bool { return now.Sub(at) >= violationsIn }), now)
	if len(c.violations) >= maxViolations {
		c.close(endViolations)
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
