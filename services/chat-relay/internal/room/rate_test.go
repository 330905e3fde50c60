package room

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The chat rate rule of design: audit: ten at once, one more each five seconds, to the millisecond; a pause saves nothing
// up, however long (MU C14).
func TestLimiter(t *testing.T) {
	l := newLimiter(Rate{Burst: 10, Leak: 5 * time.Second})
	burst := func(now time.Time) {
		t.Helper()
		for i := range 10 {
			if wait := l.take("a", now); wait != 0 {
				t.Fatalf("message %d waits %s", i, wait)
			}
		}
		if wait := l.take("a", now); wait != 5*time.Second {
			t.Errorf("the eleventh waits %s", wait)
		}
	}
	burst(noon)
	if wait := l.take("b", noon); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
	if wait := l.take("a", noon.Add(5*time.Second-time.Millisecond)); wait != time.Millisecond {
		t.Errorf("a millisecond early: %s", wait)
	}
	if wait := l.take("a", noon.Add(5*time.Second)); wait != 0 {
		t.Errorf("in time: %s", wait)
	}
	burst(noon.Add(time.Hour))
	for range 3 {
		l.giveBack("a") // of an hour ago: the bucket is empty, and not less
	}
	burst(noon.Add(3 * time.Hour))
	l.giveBack("a")
	if wait := l.take("a", noon.Add(3*time.Hour)); wait != 0 {
		t.Errorf("what was given back waits %s", wait)
	}
}
