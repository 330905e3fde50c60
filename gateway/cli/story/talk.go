package story

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"centinela/openapi/sdk"
)

// talk is a conversation with a socket at each end.
type talk struct {
	id       string
	ana, ben *end
}

// end is one end of it: what arrived, and the connection, which can be cut.
type end struct {
	chat *sdk.Chat

	mu   sync.Mutex
	got  []sdk.Message
	conn net.Conn
}

func open(ctx context.Context, session *sdk.Session, conversation string) (*end, error) {
	e := &end{}
	dialer := net.Dialer{}
	chat, err := session.Chat(ctx, sdk.ChatOptions{
		Resume: map[string]int64{conversation: 0},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			e.mu.Lock()
			defer e.mu.Unlock()
			e.conn = conn
			return conn, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	e.chat = chat
	go func() {
		for m := range chat.Messages() {
			e.mu.Lock()
			e.got = append(e.got, m)
			e.mu.Unlock()
		}
	}()
	return e, nil
}

// cut drops the TCP connection without a word.
func (e *end) cut() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conn == nil {
		return nil // it is cut already, and being made again
	}
	return e.conn.Close()
}

// has waits until the messages up to the number n arrived, in order, each once.
func (e *end) has(ctx context.Context, who string, n int64) error {
	return within(ctx, 15*time.Second, fmt.Sprintf("the messages 1 to %d at %s's end", n, who), func() (string, error) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for i, m := range e.got {
			if m.Seq != int64(i)+1 {
				return "", differs(fmt.Sprintf("message %d at %s's end", i+1, who), fmt.Sprintf("message %d", m.Seq))
			}
		}
		if int64(len(e.got)) < n {
			return fmt.Sprintf("%d messages", len(e.got)), nil
		}
		return "", nil
	})
}

// texts counts how often a text arrived.
func (e *end) texts(text string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := 0
	for _, m := range e.got {
		if m.Text == text {
			n++
		}
	}
	return n
}

func (t *talk) close() {
	for _, e := range []*end{t.ana, t.ben} {
		if e != nil {
			_ = e.chat.Close() // it answers nil only
		}
	}
}
