package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
)

const (
	welcomeTime  = 15 * time.Second // from the dial to the welcome
	writeTime    = 5 * time.Second
	goodbyeTime  = time.Second
	quietTime    = 60 * time.Second // the server pings each 25 s
	maxFrame     = 2 << 20          // a page of history has 100 messages
	maxResume    = 100              // conversations in a hello
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

var errNoConnection = errors.New("sdk: the chat is not connected at the moment")

// connect dials, says hello, and returns the socket when it was welcomed. An
// access token that has expired is refreshed once.
func (c *Chat) connect(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, welcomeTime)
	defer cancel()
	token, err := c.s.access(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := c.dial(ctx, token)
	if HasCode(err, CodeTokenExpired) {
		if token, err = c.s.renew(ctx, token); err != nil {
			return nil, err
		}
		conn, err = c.dial(ctx, token)
	}
	if err != nil {
		return nil, err
	}
	// Reading watches no context by itself.
	cut := context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = c.greet(ctx, conn)
	if !cut() {
		err = fmt.Errorf("sdk: chat: %w", context.Cause(ctx))
	}
	if err != nil {
		_ = conn.Close() // why it can't be used is the error to tell
		return nil, err
	}
	return conn, nil
}

func (c *Chat) dial(ctx context.Context, token string) (*websocket.Conn, error) {
	dialer := &websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, NetDialContext: c.opts.Dial, HandshakeTimeout: welcomeTime, Subprotocols: []string{chatframes.Subprotocol},
	}
	if transport, ok := c.s.c.http.Transport.(*http.Transport); ok {
		own := transport.Clone() // reading it while it serves its first request would be a race
		dialer.Proxy, dialer.TLSClientConfig = own.Proxy, own.TLSClientConfig
		if own.TLSClientConfig != nil {
			own.TLSClientConfig.NextProtos = nil // HTTP/2 has no upgrade
		}
	}
	header := c.s.c.headers.Clone()
	header.Set("Authorization", "Bearer "+token)
	header.Set("User-Agent", c.s.c.userAgent)
	target := *c.s.c.base
	target.Scheme = strings.Replace(target.Scheme, "http", "ws", 1)
	target.Path += "/v1/chat"
	conn, res, err := dialer.DialContext(ctx, target.String(), header)
	if err == nil {
		conn.SetReadLimit(maxFrame)
		return conn, nil
	}
	if res == nil || !errors.Is(err, websocket.ErrBadHandshake) {
		return nil, fmt.Errorf("sdk: chat: %w", err)
	}
	defer res.Body.Close()
	body, readErr := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if readErr != nil {
		return nil, fmt.Errorf("sdk: chat: %w", readErr)
	}
	return nil, problemOf(res.StatusCode, res.Header, body)
}

// greet says hello with what was seen last, and waits for the welcome.
func (c *Chat) greet(ctx context.Context, conn *websocket.Conn) error {
	if err := c.write(conn, chatframes.ClientHello{Device: string(*c.s.c.device), Resume: c.resume()}); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetReadDeadline(deadline); err != nil {
			return fmt.Errorf("sdk: chat: %w", err)
		}
	}
	frame, err := readFrame(conn)
	if err != nil {
		return err
	}
	switch f := frame.(type) {
	case *chatframes.ServerWelcome:
		c.mu.Lock()
		c.self, c.longest = f.Account, f.Limits.FrameBytes
		c.mu.Unlock()
		return c.listen(conn)
	case *chatframes.ServerBye:
		return &Problem{Code: f.Code, Detail: f.Reason}
	case *chatframes.ServerError:
		return &Problem{Code: f.Code, Detail: f.Detail}
	}
	return fmt.Errorf("sdk: chat: the server answered hello with %T", frame)
}

// resume is what hello says was seen last. What it has no room for is caught up
// with after the welcome.
func (c *Chat) resume() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beyond = nil
	resume := make(map[string]int64, len(c.last))
	for conversation, seq := range c.last {
		if len(resume) == maxResume {
			c.beyond = append(c.beyond, conversation)
			continue
		}
		resume[conversation] = seq
	}
	return resume
}

// listen makes a server that has gone silent an error within quietTime.
func (c *Chat) listen(conn *websocket.Conn) error {
	answer := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		if err := conn.SetReadDeadline(time.Now().Add(quietTime)); err != nil {
			return err
		}
		return answer(data)
	})
	return conn.SetReadDeadline(time.Now().Add(quietTime))
}

func (c *Chat) write(conn *websocket.Conn, frame chatframes.ClientFrame) error {
	data, err := frame.Encode()
	if err != nil {
		return fmt.Errorf("sdk: chat: %w", err)
	}
	return c.writeRaw(conn, websocket.TextMessage, data)
}

func (c *Chat) writeRaw(conn *websocket.Conn, kind int, data []byte) error {
	if conn == nil {
		return errNoConnection
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return fmt.Errorf("sdk: chat: %w", err)
	}
	if err := conn.WriteMessage(kind, data); err != nil {
		return fmt.Errorf("sdk: chat: %w", err)
	}
	return nil
}
