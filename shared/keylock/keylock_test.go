package keylock

import (
	"sync"
	"testing"
)

func TestLocksExcludeAndForget(t *testing.T) {
	l, n := New(), 0
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			defer l.Lock("one")()
			n++
		})
	}
	all.Wait()
	if n != 100 || len(l.by) != 0 {
		t.Errorf("n = %d, %d locks kept", n, len(l.by))
	}
}

func TestLocksOfOtherKeys(t *testing.T) {
	l := New()
	defer l.Lock("one")()
	l.Lock("two")() // or the test hangs
}
