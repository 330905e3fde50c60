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
