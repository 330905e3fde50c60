package socket

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/access"
	"centinela/shared/fault"
	"centinela/shared/secret"
)

// hello makes the socket ready: who it is, whether they may, and what they missed. The socket subscribes before the
// replay, and what comes meanwhile waits: no message is lost or doubled at the seam.
func (c *conn) hello(f *chatframes.ClientHello) {
	ctx, cancel := c.context()
	defer cancel()
	if why, ok := c.identify(ctx, f); !ok {
		c.end(why)
		return
	}
	if why := refusal(c.door.check(c)); why != nil { // later verdicts come by Enforce, which sees the identity from here on
		c.refuse(why)
		return
	}
	if c.door.People.Standing(ctx, c.account, c.session) != nil { // it ended after its token was verified; later ends come by Revoke
		c.end(ending{closeForbidden, string(errRevoked.Code), errRevoked.Detail})
		return
	}
	if !c.door.join(c, c.account) {
		c.end(ending{closePolicy, string(fault.CodeTooManyConnections), "too many sockets of this account"})
		return
	}
	c.mu.Lock()
	c.replaying = true
	c.mu.Unlock()
	c.unsubscribe = c.door.Relay.Subscribe(c.account, c)
	c.automaton.Advance(chatframes.StateReady)
	c.keepAlive()
	c.recordStart()
	replayed, err := c.welcome(f.Resume)
	if err != nil {
		if !errors.Is(err, errEnded) {
			c.log.Error("a resume failed", "error", err, "cause", errors.Unwrap(err))
			c.end(ending{closeTryLater, string(fault.CodeUnavailable), "what was missed can't be read now; connect again"})
		}
		return
	}
	c.endReplay(replayed)
}

// identify takes the token of the frame, or that of the handshake; both must be of one session.
func (c *conn) identify(ctx context.Context, f *chatframes.ClientHello) (ending, bool) {
	claims := access.Claims{ExpiresAt: time.UnixMilli(c.expires.Load())}
	claims.Account, claims.Session, _ = c.identity()
	if f.Token != "" {
		fresh, err := c.door.People.Verify(ctx, f.Token)
		if err != nil {
			problem := fault.From(err)
			if problem.Kind != fault.KindUnauthenticated {
				return ending{closeTryLater, string(fault.CodeUnavailable), "tokens can't be checked now; connect again"}, false
			}
			return ending{closeUnauthorized, string(problem.Code), problem.Detail}, false
		}
		if claims.Session != "" && (fresh.Session != claims.Session || fresh.Account != claims.Account) {
			return ending{closeUnauthorized, string(fault.CodeTokenInvalid), "the token is of another session than the handshake's"}, false
		}
		claims = fresh
	}
	if claims.Account == "" || claims.Session == "" {
		return ending{closeUnauthorized, string(fault.CodeUnauthenticated), "the first frame needs a token"}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.account, c.session = claims.Account, claims.Session
	c.expires.Store(claims.ExpiresAt.UnixMilli())
	if f.Device != "" {
		c.device = hex.EncodeToString(secret.Hash(f.Device))
		c.from.Device = c.device
	}
	return ending{}, true
}

// welcome greets and sends what was missed; it returns up to which number each conversation was sent.
func (c *conn) welcome(resume map[string]int64) (map[string]int64, error) {
	l := c.door.Limits
	if err := c.send(chatframes.ServerWelcome{
		Session: c.session, Account: c.account, ServerTime: c.door.Clock.Now(),
		Limits: chatframes.ServerWelcomeLimits{
			FrameBytes: int64(l.FrameBytes), BytesPerSecond: int64(l.BytesPerSecond), TextCharacters: relay.MaxText,
			QueueFrames: int64(l.QueueFrames), ResumeMessages: relay.ReplayLimit,
		},
	}); err != nil {
		return nil, err
	}
	replayed := make(map[string]int64, len(resume))
	for _, conversation := range slices.Sorted(maps.Keys(resume)) {
		done, err := c.replay(conversation, resume[conversation])
		if errors.Is(err, relay.ErrConversationNotFound) {
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

func (c *conn) replay(conversation string, seen int64) (relay.Resumed, error) {
	ctx, cancel := c.context() // each conversation has its own: a long resume is no error
	defer cancel()
	return c.door.Relay.Replay(ctx, c.account, conversation, seen, func(m relay.Message) error {
		return c.sendWhenRoom(wireMessage(m))
	})
}
