package limits

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"

	"centinela/services/recovery/internal/due"
)

// resendAfter is the wait after the first, second, … code.
var resendAfter = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

// NextSend is how long after now the next code may be sent, given the ones that
// were. The waits differ by ±20 % with key, so that clients don't come in step.
func NextSend(key string, sends []time.Time, now time.Time) time.Duration {
	sends = since(sends, now)
	if len(sends) == 0 {
		return 0
	}
	k := len(sends)
	wait := resendAfter[min(k, len(resendAfter))-1]
	sum := sha256.Sum256([]byte(key + ":" + strconv.Itoa(k)))
	spread := time.Duration(binary.BigEndian.Uint16(sum[:])%401) - 200 // -200 to 200 of 1000
	next := sends[k-1].Add(wait + wait*spread/1000)
	if k >= burst {
		next = due.Later(next, sends[k-burst].Add(burstWindow))
	}
	if k >= sendsPerDay {
		next = due.Later(next, sends[k-sendsPerDay].Add(aDay))
	}
	return max(0, next.Sub(now))
}

// Sent adds now to the times of codes that were sent, and forgets old ones.
func Sent(sends []time.Time, now time.Time) []time.Time { return append(since(sends, now), now) }

// clockSkew is how far machines' clocks may be apart.
const clockSkew = time.Minute

// since keeps the last day. A time in the future, by another machine's clock,
// counts as now; one further ahead was written before our clock was set back,
// and would make everybody wait until it has caught up: it counts for nothing.
func since(times []time.Time, now time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		switch {
		case t.After(now.Add(clockSkew)) || !t.After(now.Add(-aDay)):
		case t.After(now):
			kept = append(kept, now)
		default:
			kept = append(kept, t)
		}
	}
	return kept
}
