package id

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// GR G2: ids of one process come in order, from however many goroutines, and have the form of the others.
func TestNewOrdered(t *testing.T) {
	const makers, each = 8, 2000
	all := make([][]string, makers)
	var wg sync.WaitGroup
	for m := range makers {
		wg.Go(func() {
			for range each {
				all[m] = append(all[m], NewOrdered("evt"))
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, ids := range all {
		if !slices.IsSorted(ids) {
			t.Error("the ids of one goroutine aren't in order")
		}
		for _, s := range ids {
			if len(s) != 28 || !strings.HasPrefix(s, "evt_") || !Valid("evt", s) || seen[s] {
				t.Fatalf("%q is malformed or came twice", s)
			}
			seen[s] = true
		}
	}
	if later := NewOrdered("evt"); !Valid("evt", later) || later <= slices.Max(slices.Concat(all...)) {
		t.Errorf("%q came later and isn't greater", later)
	}
}

// The first nine characters are the time; a clock that is set back leaves the order, one that goes on is followed.
func TestNextFollowsTheClock(t *testing.T) {
	defer func(old [randomBytes]byte) { newest.bits = old }(newest.bits)
	newest.bits = [randomBytes]byte{}
	start := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	last := [randomBytes]byte{}
	for _, after := range []time.Duration{0, 0, time.Millisecond, -2 * time.Hour, 0, time.Hour, time.Hour + time.Millisecond} {
		at := start.Add(after)
		b := next(at)
		if bytes.Compare(b[:], last[:]) <= 0 {
			t.Errorf("after %s: %x isn't greater than %x", after, b, last)
		}
		if after >= 0 && milliseconds(b) < uint64(at.UnixMilli()) {
			t.Errorf("after %s: at %d ms", after, milliseconds(b))
		}
		last = b
	}
	if got := uint64(start.Add(time.Hour + time.Millisecond).UnixMilli()); milliseconds(last) != got {
		t.Errorf("at the end %d ms, want %d", milliseconds(last), got)
	}
	year3000 := time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)
	if b := next(year3000); milliseconds(b) != uint64(year3000.UnixMilli()) {
		t.Error("the time doesn't fit")
	}
}

// Two processes in the same millisecond: 75 bits are random.
func TestNextIsRandom(t *testing.T) {
	defer func(old [randomBytes]byte) { newest.bits = old }(newest.bits)
	var or, and [randomBytes]byte
	for i := range and {
		and[i] = 0xff
	}
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for range 200 {
		newest.bits = [randomBytes]byte{}
		b := next(at)
		for i := range b {
			or[i] |= b[i]
			and[i] &= b[i]
		}
	}
	for bit := range 8 * randomBytes {
		varied := (or[bit/8]^and[bit/8])&(0x80>>(bit%8)) != 0
		if varied != (bit >= 45) {
			t.Errorf("bit %d: varied %v", bit, varied)
		}
	}
}

func TestPlusCarries(t *testing.T) {
	b := [randomBytes]byte{5: 1}
	for i := 6; i < randomBytes; i++ {
		b[i] = 0xff
	}
	got := plus(b, 1)
	if want := [randomBytes]byte{5: 2}; got != want {
		t.Errorf("got %x", got)
	}
	if got := plus(got, 1<<32); binary.BigEndian.Uint64(got[7:]) != 1<<32 {
		t.Errorf("got %x", got)
	}
}
