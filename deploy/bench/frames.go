package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The opcodes of RFC 6455 §5.2 that a server may send.
const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// frameBuffer is the longest frame that is read.
const frameBuffer = 16 << 10

var errFrame = errors.New("not a whole WebSocket frame of a server")

// frameReader reads a server's frames without a copy: reading is most of what a load generator does.
type frameReader struct {
	in   *bufio.Reader
	skip int // of the last frame
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{in: bufio.NewReaderSize(r, frameBuffer)}
}

// next returns a frame; its payload is good until the next call.
func (r *frameReader) next() (op byte, payload []byte, err error) {
	if _, err := r.in.Discard(r.skip); err != nil {
		return 0, nil, err
	}
	r.skip = 0
	head, err := r.in.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op, final, masked, length, size := head[0]&0x0f, head[0]&0x80 != 0, head[1]&0x80 != 0, int(head[1]&0x7f), 2
	if !final || masked || op == 0 {
		return 0, nil, errFrame
	}
	switch length {
	case 126:
		size = 4
		if head, err = r.in.Peek(size); err != nil {
			return 0, nil, err
		}
		length = int(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return 0, nil, fmt.Errorf("%w: longer than 64 KiB", errFrame)
	}
	whole, err := r.in.Peek(size + length)
	if err != nil {
		return 0, nil, err
	}
	r.skip = size + length
	return op, whole[size:], nil
}

// appendFrame adds a client's frame. Its mask is zero: the server undoes it as any other, and the generator saves the work.
func appendFrame(to []byte, op byte, payload []byte) []byte {
	to = append(appendHeader(to, op, 0x80, len(payload)), 0, 0, 0, 0)
	return append(to, payload...)
}

// appendServerFrame adds a server's text frame.
func appendServerFrame(to, payload []byte) []byte {
	return append(appendHeader(to, opText, 0, len(payload)), payload...)
}

func appendHeader(to []byte, op, mask byte, length int) []byte {
	if length < 126 {
		return append(to, 0x80|op, mask|byte(length))
	}
	return binary.BigEndian.AppendUint16(append(to, 0x80|op, mask|126), uint16(length)) //nolint:gosec // frames of the bench are short
}
