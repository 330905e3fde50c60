package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"centinela/shared/httpkit"
	"centinela/shared/module"
)

const (
	subprotocol = "centinela.chat.v1"
	hello       = `{"type":"hello"}`
	dialTime    = 20 * time.Second
	textLength  = 128
	stampLength = 19 // digits of Unix nanoseconds, with which every text begins
)

// chatSocket is one connection of the load generator, to the suite or to the hub.
type chatSocket struct {
	name   string
	conn   net.Conn
	frames *frameReader
	room   string
	window chan struct{} // a message that may be sent, each; `accepted` gives it back
	timed  bool          // measures latencies

	writing sync.Mutex
	out     []byte
	sent    int64

	latencies []time.Duration // the reader's; anybody's who saw what it got
	got       atomic.Int64    // messages of others
}

// dial opens a socket at the hub.
func (s server) dial(ctx context.Context, room string) (*chatSocket, error) {
	return dialChat(ctx, "ws://"+s.address+"/?room="+room, nil, false)
}

// dial opens a person's socket through the gateway, or past it, as the gateway reaches the relay.
func (s *split) dial(ctx context.Context, token string, i int, past bool) (*chatSocket, error) {
	at, header := s.Address(module.Gateway), http.Header{"Authorization": {"Bearer " + token}, httpkit.HeaderDevAddress: {addressOf(i)}}
	if past {
		service, err := s.signer.Token(module.ChatRelay)
		if err != nil {
			return nil, err
		}
		at = s.Address(module.ChatRelay)
		header[httpkit.HeaderService], header[httpkit.HeaderClientAddress] = []string{service}, []string{addressOf(i)}
	}
	return dialChat(ctx, "ws://"+at+"/v1/chat", header, true)
}

// dialChat opens a socket; one of the suite also says hello and waits for the welcome.
func dialChat(ctx context.Context, url string, header http.Header, greet bool) (*chatSocket, error) {
	dialer := websocket.Dialer{HandshakeTimeout: dialTime}
	if greet {
		dialer.Subprotocols = []string{subprotocol}
	}
	ws, resp, err := dialer.DialContext(ctx, url, header)
	if resp != nil {
		defer resp.Body.Close() // the dialer has read what there is
	}
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("%w: %s", err, resp.Status)
		}
		return nil, err
	}
	// A server says nothing before the hello, so nothing is left in gorilla's buffer.
	s := &chatSocket{conn: ws.NetConn(), frames: newFrameReader(ws.NetConn())}
	if greet {
		err = s.greet()
	}
	if err != nil {
		s.close()
	}
	return s, err
}

func (s *chatSocket) greet() error {
	if err := errors.Join(s.conn.SetDeadline(time.Now().Add(dialTime)), s.write(opText, []byte(hello))); err != nil {
		return err
	}
	_, frame, err := s.frames.next()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(frame, []byte(`{"type":"welcome"`)) {
		return fmt.Errorf("hello was answered with %.200s", frame)
	}
	return s.conn.SetDeadline(time.Time{})
}

// close ends a socket that was opened; the server sees it.
func (s *chatSocket) close() {
	if s != nil {
		_ = s.conn.Close()
	}
}

func (s *chatSocket) write(op byte, payload []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.out = appendFrame(s.out[:0], op, payload)
	_, err := s.conn.Write(s.out)
	return err
}

// send sends the next message. Only one goroutine sends on a socket.
func (s *chatSocket) send() error {
	s.sent++
	text := strconv.FormatInt(time.Now().UnixNano(), 10) + " " + strings.Repeat("x", textLength-stampLength-1)
	return s.write(opText, fmt.Appendf(nil, `{"type":"send","client_id":"%s-%d","conversation":"%s","kind":"text","text":"%s"}`, s.name, s.sent, s.room, text))
}

// read counts what comes, until the socket ends.
func (s *chatSocket) read() error {
	for {
		op, frame, err := s.frames.next()
		if err != nil {
			return err
		}
		switch op {
		case opPing:
			err = s.write(opPong, frame)
		case opText:
			err = s.take(frame)
		case opClose:
			err = fmt.Errorf("closed by the server: %.200s", frame)
		}
		if err != nil {
			return err
		}
	}
}

func (s *chatSocket) take(frame []byte) error {
	switch {
	case bytes.HasPrefix(frame, []byte(`{"type":"message"`)), bytes.HasPrefix(frame, []byte(`{"type":"send"`)): // the hub passes on what it got
		if s.timed {
			if err := s.time(frame); err != nil {
				return err
			}
		}
		s.got.Add(1)
		return nil
	case bytes.HasPrefix(frame, []byte(`{"type":"accepted"`)):
		select {
		case s.window <- struct{}{}:
			return nil
		default:
			return errors.New("more messages were accepted than sent")
		}
	}
	return fmt.Errorf("unexpected: %.300s", frame)
}

// time takes the latency of a message from the stamp that its text begins with.
func (s *chatSocket) time(frame []byte) error {
	_, text, _ := bytes.Cut(frame, []byte(`"text":"`))
	nanos, err := strconv.ParseInt(string(text[:min(len(text), stampLength)]), 10, 64)
	if err != nil {
		return fmt.Errorf("a message without a stamp: %.300s", frame)
	}
	s.latencies = append(s.latencies, time.Since(time.Unix(0, nanos)))
	return nil
}
