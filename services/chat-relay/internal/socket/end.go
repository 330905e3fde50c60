package socket

import (
	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/shared/fault"
)

// Close codes (RFC 6455 §7.4, IANA's registry for 3000 and 3003).
const (
	closeGoingAway    = 1001
	closeProtocol     = 1002
	closePolicy       = 1008
	closeTooBig       = 1009
	closeInternal     = 1011
	closeTryLater     = 1013
	closeUnauthorized = 3000
	closeForbidden    = 3003
	closeSlow         = 3008
)

// ending is why and how a socket ends. The zero value is the peer's own end: it left, or the connection broke.
type ending struct {
	close  int        // close code; 0: no close frame is written, and nobody is waited for
	code   fault.Code // of the bye frame, the metric and the event; "": the end isn't ours, and needs no bye
	reason string     // for a person
	unsaid bool       // what is queued isn't sent any more
	mute   bool       // the last words are out already
	cut    bool       // the connection is closed at once, also when another end has begun
}

// How a socket ends.
var (
	endLeft       = ending{unsaid: true}
	endBroken     = ending{unsaid: true, cut: true}
	endStopping   = ending{close: closeGoingAway, code: fault.CodeUnavailable, reason: "the server stops; connect again"}
	endFraming    = ending{close: closeProtocol, code: fault.CodeProtocolViolation, unsaid: true, mute: true} // gorilla has closed with 1002: nothing can follow
	endViolations = ending{close: closePolicy, code: fault.CodeProtocolViolation, reason: "too many frames that break the protocol"}
	endTooFast    = ending{close: closePolicy, code: fault.CodeTooManyRequests, reason: "too many bytes a second"}
	endTooMany    = ending{close: closePolicy, code: fault.CodeTooManyConnections, reason: "too many sockets of this account"}
	endTooBig     = ending{close: closeTooBig, code: fault.CodeProtocolViolation, reason: "the frame is too long"}
	endInternal   = ending{close: closeInternal, code: fault.CodeInternal, reason: "an error of ours"}
	endUnchecked  = ending{close: closeTryLater, code: fault.CodeUnavailable, reason: "tokens can't be checked now; connect again"}
	endUnread     = ending{close: closeTryLater, code: fault.CodeUnavailable, reason: "what was missed can't be read now; connect again"}
	endUnrecorded = ending{close: closeTryLater, code: fault.CodeUnavailable, reason: "nothing can be stored now; connect again"}
	endSilent     = ending{close: closeUnauthorized, code: fault.CodeUnauthenticated, reason: "no hello in time"}
	endNobody     = ending{close: closeUnauthorized, code: fault.CodeUnauthenticated, reason: "the first frame needs a token"}
	endOtherToken = ending{close: closeUnauthorized, code: fault.CodeTokenInvalid, reason: "the token is of another session than the handshake's"}
	endExpired    = ending{close: closeUnauthorized, code: fault.CodeTokenExpired, reason: "the access token has ended; connect again with a fresh one"}
	endRevoked    = endRefused(errRevoked)
	endSlow       = ending{close: closeSlow, code: fault.CodeSlowConsumer, reason: "slow", unsaid: true}
)

// endToken is the end of a socket whose token isn't good.
func endToken(f *fault.Error) ending {
	if f.Code == errRevoked.Code {
		return endRevoked
	}
	return ending{close: closeUnauthorized, code: f.Code, reason: f.Detail}
}

// endRefused is the end that a verdict brings.
func endRefused(f *fault.Error) ending {
	return ending{close: closeForbidden, code: f.Code, reason: f.Detail}
}

// endAnswered answers the peer's close frame with the same code (RFC 6455 §5.5.1), or a browser takes the end for a fault.
// Nobody reads what was still queued.
func endAnswered(code int) ending { return ending{close: code, unsaid: true} }

// close ends the socket; the first end counts.
func (c *conn) close(e ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closeLocked(e)
}

func (c *conn) closeLocked(e ending) {
	if e.cut {
		c.cut = true
		c.drop()
		if c.wire != nil {
			_ = c.wire.Close() // it is over either way
		}
	}
	if c.ended != nil {
		return
	}
	c.ended, c.pending = &e, nil
	if e.unsaid {
		c.drop()
	}
	if e.code != "" {
		c.door.metrics.closed.WithLabelValues(string(e.code)).Inc()
	}
	if e.close != 0 && !e.mute {
		c.lastWords(e)
	}
	c.space.Broadcast()
}

// lastWords queues the bye frame, if there is one, and the close frame. mu is held.
func (c *conn) lastWords(e ending) {
	if e.code != "" {
		if bye, err := (chatframes.ServerBye{Code: string(e.code), Reason: e.reason}).Encode(); err == nil { // two texts always encode
			c.queue = append(c.queue, frame{kind: websocket.TextMessage, data: bye})
		}
	}
	c.queue = append(c.queue, frame{kind: websocket.CloseMessage, data: websocket.FormatCloseMessage(e.close, e.reason)})
	c.startWriter()
}

func (c *conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended != nil
}
