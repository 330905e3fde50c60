package socket

import (
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/room"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// hello makes the socket ready: who it is, whether they may, and what they missed. The socket subscribes before the
// replay, and what comes meanwhile waits: no message is lost or doubled at the seam. The greeting doesn't wait for the
// disk; everything after it comes when the connection is on record.
func (c *conn) hello(f *chatframes.ClientHello) {
	who, why := c.identify(f)
	if who == nil {
		c.close(why)
		return
	}
	c.door.know(c, who) // verdicts that fall from here on find it
	if f := refusal(c.door.check(c)); f != nil {
		c.close(endRefused(f))
		return
	}
	if c.door.People.Standing(c.door.running, who.account, who.session) != nil { // it ended after its token was verified; later ends come by Revoke
		c.close(endRevoked)
		return
	}
	if !c.door.join(c) {
		c.close(endTooMany)
		return
	}
	c.mu.Lock()
	c.replaying = true
	c.mu.Unlock()
	c.unsubscribe = c.door.Chat.Subscribe(who.account, c)
	c.state = chatframes.StateReady
	c.keepAlive()
	if err := c.greet(who, f.Resume); err != nil && !errors.Is(err, errEnded) {
		c.log.Error("a hello failed", "error", err, "cause", errors.Unwrap(err))
		c.close(endUnread)
	}
}

// identify takes the token of the frame, or that of the handshake; both must be of one session.
func (c *conn) identify(f *chatframes.ClientHello) (*identity, ending) {
	who := *c.who.Load()
	if f.Token != "" {
		ctx, cancel := c.context()
		defer cancel()
		fresh, err := c.door.People.Verify(ctx, f.Token)
		if err != nil {
			if problem := fault.From(err); problem.Kind == fault.KindUnauthenticated {
				return nil, endToken(problem)
			}
			return nil, endUnchecked
		}
		if who.session != "" && (fresh.Session != who.session || fresh.Account != who.account) {
			return nil, endOtherToken
		}
		who.account, who.session, who.expires = fresh.Account, fresh.Session, fresh.ExpiresAt
	}
	if who.account == "" || who.session == "" {
		return nil, endNobody
	}
	if f.Device != "" {
		who.device = hex.EncodeToString(secret.Hash(f.Device))
		who.from.Device = who.device
	}
	return &who, ending{}
}

// greet welcomes, records the connection, and then sends what was missed and lets what came meanwhile go.
func (c *conn) greet(who *identity, resume map[string]int64) error {
	if err := c.welcome(who); err != nil {
		return err
	}
	if err := c.recordStart(); err != nil {
		c.close(endUnrecorded)
		return errEnded
	}
	replayed, err := c.resume(resume)
	if err != nil {
		return err
	}
	c.endReplay(replayed)
	return nil
}

func (c *conn) welcome(who *identity) error {
	l := c.door.Limits
	return c.send(chatframes.ServerWelcome{
		Session: who.session, Account: who.account, ServerTime: c.door.Clock.Now(),
		Limits: chatframes.ServerWelcomeLimits{
			FrameBytes: int64(l.FrameBytes), BytesPerSecond: int64(l.BytesASecond), TextCharacters: room.MaxText,
			QueueFrames: int64(l.QueueFrames), ResumeMessages: room.ReplayLimit,
		},
	})
}

// resume sends what was missed and returns up to which number each conversation was sent.
func (c *conn) resume(resume map[string]int64) (map[string]int64, error) {
	replayed := make(map[string]int64, len(resume))
	for _, conversation := range slices.Sorted(maps.Keys(resume)) {
		done, err := c.replay(conversation, resume[conversation])
		if errors.Is(err, room.ErrConversationNotFound) {
			err = c.refused(err, "hello", "", conversation)
		} else if err == nil {
			replayed[conversation] = done.To
			err = c.sendWhenRoom(chatframes.ServerResumed{Conversation: conversation, From: done.From, To: done.To, Gap: done.Gap})
		}
		if err != nil {
			return nil, err
		}
	}
	return replayed, nil
}

func (c *conn) replay(conversation string, seen int64) (room.Resumed, error) {
	ctx, cancel := c.context() // each conversation has its own: a long resume is no error
	defer cancel()
	return c.door.Chat.Replay(ctx, c.who.Load().account, conversation, seen, func(m room.Message) error {
		return c.sendWhenRoom(wireMessage(&m))
	})
}
