package main

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// Wire protocol numbers (MongoDB wire protocol, OP_MSG and the message header).
const (
	headerSize     = 16
	maxMessage     = 48_000_000 // maxMessageSizeBytes
	opMsg          = 2013
	checksum       = uint32(1) << 0
	moreToCome     = uint32(1) << 1
	exhaustAllowed = uint32(1) << 16
)

var errBadLength = errors.New("message length out of range")

// proxy lets one request at a time through to the server and holds the lock
// until its reply is back. Updates on FerretDB v1 are read-modify-write without
// a lock, so this is what makes single-document operations atomic, as they are
// on every real MongoDB.
type proxy struct {
	dial func() (net.Conn, error)

	turn sync.Mutex // held from a request to its reply

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

// serve accepts until the listener closes.
func (p *proxy) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		go p.relay(client)
	}
}

// relay ends with the first error on either side: a broken connection is the
// drivers' business, which dial again.
func (p *proxy) relay(client net.Conn) {
	defer p.forget(client)
	if !p.remember(client) {
		return
	}
	server, err := p.dial()
	if err != nil {
		return
	}
	defer p.forget(server)
	if !p.remember(server) {
		return
	}
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		request, wantsReply := singleReply(request)
		reply, err := p.exchange(server, request)
		if err != nil {
			return
		}
		if !wantsReply {
			continue
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

// exchange takes the turn for one request and its reply. The client is written
// to after the turn, so that a client that doesn't read can't stop the others.
func (p *proxy) exchange(server net.Conn, request []byte) ([]byte, error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	return readMessage(server)
}

// singleReply rewrites an OP_MSG so that exactly one reply follows: a streaming
// hello (exhaustAllowed) becomes a plain one, which the protocol permits the
// server to answer with, and an unacknowledged write (moreToCome) is answered
// to us and not passed on. The optional checksum covers the flags, so it goes.
func singleReply(m []byte) (_ []byte, wantsReply bool) {
	if len(m) < headerSize+4 || binary.LittleEndian.Uint32(m[12:]) != opMsg {
		return m, true
	}
	flags := binary.LittleEndian.Uint32(m[headerSize:])
	if flags&checksum != 0 && len(m) >= headerSize+8 {
		m = m[:len(m)-4]
		binary.LittleEndian.PutUint32(m, uint32(len(m)))
	}
	binary.LittleEndian.PutUint32(m[headerSize:], flags&^(checksum|moreToCome|exhaustAllowed))
	return m, flags&moreToCome == 0
}

// readMessage reads one whole wire message, header included.
func readMessage(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(length[:])
	if size < headerSize || size > maxMessage {
		return nil, errBadLength
	}
	m := make([]byte, size)
	copy(m, length[:])
	_, err := io.ReadFull(r, m[4:])
	return m, err
}

func (p *proxy) remember(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[net.Conn]struct{}{}
	}
	p.open[c] = struct{}{}
	return !p.closed
}

func (p *proxy) forget(c net.Conn) {
	p.mu.Lock()
	delete(p.open, c)
	p.mu.Unlock()
	// The peer may have closed it already: nothing is left to lose.
	_ = c.Close()
}

// close ends every connection, so that the server behind can stop.
func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	for c := range p.open {
		// Only the end of the connection matters here.
		_ = c.Close()
	}
	p.mu.Unlock()
}
