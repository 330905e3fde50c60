package id

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

// randomInClock are the random bits in the last byte of the milliseconds: 45 bits
// of time, which end in the year 3084, fill 9 characters; 75 random bits follow.
const randomInClock = 3

// newest is the newest ordered identifier of this process, as 120 bits.
var newest struct {
	sync.Mutex
	bits [randomBytes]byte
}

// NewOrdered is a fresh identifier of [New]'s form that begins with the time, so
// that it sorts behind every older one of this process, and next to its
// contemporaries in an index. It tells when it was made, and of one it is easier
// to guess the next: it names events, messages and texts, never an account, a
// session or anything that opens something.
func NewOrdered(prefix string) string {
	b := next(time.Now())
	return prefix + "_" + encoding.EncodeToString(b[:])
}

// next is greater than all before. In a new millisecond it is random behind the
// time; within one, and while the clock is set back, it is the newest and a
// random step.
func next(now time.Time) (b [randomBytes]byte) {
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	step := uint64(binary.BigEndian.Uint32(b[:4])) + 1
	clock := uint64(now.UnixMilli()) << randomInClock //nolint:gosec // now is after 1970
	b[0], b[1], b[2], b[3], b[4] = byte(clock>>40), byte(clock>>32), byte(clock>>24), byte(clock>>16), byte(clock>>8)
	b[5] = byte(clock) | b[5]&(1<<randomInClock-1)
	newest.Lock()
	defer newest.Unlock()
	if clock>>randomInClock <= milliseconds(newest.bits) {
		b = plus(newest.bits, step)
	}
	newest.bits = b
	return b
}

func milliseconds(b [randomBytes]byte) uint64 {
	return binary.BigEndian.Uint64(append([]byte{0, 0}, b[:6]...)) >> randomInClock
}

// plus carries into the milliseconds when the random part is used up: the order
// stays.
func plus(b [randomBytes]byte, step uint64) [randomBytes]byte {
	low := binary.BigEndian.Uint64(b[randomBytes-8:])
	binary.BigEndian.PutUint64(b[randomBytes-8:], low+step)
	for i := randomBytes - 9; low+step < low && i >= 0; i-- {
		b[i]++
		if b[i] != 0 {
			break
		}
	}
	return b
}
