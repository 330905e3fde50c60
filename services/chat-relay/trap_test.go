package chatrelay_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// traps is the listener of the module under test. It knows the server's end of each connection, so that a test can plant
// faults below the product, which knows nothing of them.
type traps struct {
	net.Listener
	narrow bool // small kernel buffers: a client that doesn't read is felt at once

	mu    sync.Mutex
	by    map[string]*trap // by the client's address
	write bool             // the next write of any connection panics
}

// trap is the server's end of one connection.
type trap struct {
	*net.TCPConn
	all *traps

	mu          sync.Mutex
	read, write bool          // the next one panics
	within      time.Duration // of the last read deadline, when it was set
	writes      int
}

func newTraps(t testing.TB, narrow bool) *traps {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &traps{Listener: inner, narrow: narrow, by: map[string]*trap{}}
}

// Accept implements net.Listener.
func (l *traps) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	at := &trap{TCPConn: c.(*net.TCPConn), all: l}
	if l.narrow {
		if err := at.SetWriteBuffer(64 << 10); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.by[c.RemoteAddr().String()] = at
	return at, nil
}

// of is the server's end of a client's connection.
func (l *traps) of(c *client) *trap {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.by[c.ws.LocalAddr().String()]
}

// panicOnWrite makes the next write of any connection panic.
func (l *traps) panicOnWrite() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write = true
}

func (l *traps) sprung() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.write
	l.write = false
	return was
}

func (c *trap) panicOn(read, write bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read, c.write = read, write
}

// Read panics, when it should, with what came: the read loop waits in here.
func (c *trap) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.mu.Lock()
	planted := c.read
	c.read = false
	c.mu.Unlock()
	if planted {
		panic("planted by a test")
	}
	return n, err
}

// Write panics when it should.
func (c *trap) Write(p []byte) (int, error) {
	c.mu.Lock()
	planted := c.write
	c.write = false
	c.writes++
	c.mu.Unlock()
	if planted || c.all.sprung() {
		panic("planted by a test")
	}
	return c.TCPConn.Write(p)
}

// SetReadDeadline notes how far away it is.
func (c *trap) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	c.within = time.Until(at)
	c.mu.Unlock()
	return c.TCPConn.SetReadDeadline(at)
}

// written is how many writes there were.
func (c *trap) written() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// patience is how long the server waits for the client's next bytes.
func (c *trap) patience() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.within
}
