package limits

import (
	"testing"
	"time"
)

// TestResendWaits: 30, 60, 120, 300, 900 s (±20 %), 5 in 10 minutes, 10 a day.
func TestResendWaits(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	if NextSend("k", nil, start) != 0 {
		t.Error("the first goes at once")
	}
	now, sends := start, []time.Time(nil)
	for i := range sendsPerDay {
		sends = append(sends, now)
		wait := NextSend("k", sends, now)
		want := resendAfter[min(i, len(resendAfter)-1)]
		if i+1 == sendsPerDay {
			if got := now.Add(wait); got != start.Add(aDay) {
				t.Errorf("the 11th at %s", got)
			}
			break
		}
		if wait < want*8/10 || (wait > want*12/10 && i+1 < burst) {
			t.Errorf("after %d: %s, want %s ± 20 %%", i+1, wait, want)
		}
		now = now.Add(wait)
		if k := len(sends); k >= burst && now.Sub(sends[k-burst]) < burstWindow {
			t.Errorf("more than %d in %s", burst, burstWindow)
		}
	}
}

// TestTriesLeft: as the table counts them: five, and all again a day after the first.
func TestTriesLeft(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	var tries Tries
	for i := range triesPerCode + 2 {
		now := start.Add(time.Duration(i) * time.Hour)
		if got, want := tries.Left(now), max(0, triesPerCode-i); got != want {
			t.Errorf("after %d: %d left, want %d", i, got, want)
		}
		tries = tries.With(now)
	}
	if tries.Left(start.Add(aDay-time.Millisecond)) != 0 || tries.Left(start.Add(aDay)) != triesPerCode || tries.With(start.Add(aDay)).Left(start.Add(aDay)) != triesPerCode-1 {
		t.Error("the day doesn't begin with the first")
	}
}

// Stored times are never trusted: by a clock that is half a minute behind, the
// wait is what it would be; set back by hours, nobody waits until it catches up.
func TestResendWithOtherClocks(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	plain := NextSend("k", []time.Time{now}, now)
	for ahead, want := range map[time.Duration]time.Duration{0: plain, 30 * time.Second: plain, time.Minute: plain, time.Minute + time.Millisecond: 0, 2 * time.Hour: 0} {
		if got := NextSend("k", []time.Time{now.Add(ahead)}, now); got != want {
			t.Errorf("sent %s from now: wait %s, want %s", ahead, got, want)
		}
	}
	if got := Sent([]time.Time{now.Add(-aDay), now.Add(-time.Hour), now.Add(time.Second), now.Add(time.Hour)}, now); len(got) != 3 || !got[1].Equal(now) || !got[2].Equal(now) {
		t.Errorf("kept %v", got)
	}
}
