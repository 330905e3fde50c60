package recovery

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"time"
)

const (
	codeDigits   = 8
	codeTTL      = 5 * time.Minute
	triesPerCode = 5
	triesPerDay  = 10  // of one number, in one lane
	triesInAll   = 100 // in a row: a right one sets it back
	inAllWindow  = 365 * 24 * time.Hour
	sendsPerDay  = 10
	burst        = 5
	burstWindow  = 10 * time.Minute
	aDay         = 24 * time.Hour
)

// resendAfter is the wait after the first, second, … code.
var resendAfter = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

// nextSend is how long after now the next code may be sent, given the ones that
// were. The waits differ by ±20 % with key, so that clients don't come in step.
func nextSend(key string, sends []time.Time, now time.Time) time.Duration {
	sends = since(sends, now.Add(-aDay))
	if len(sends) == 0 {
		return 0
	}
	k := len(sends)
	wait := resendAfter[min(k, len(resendAfter))-1]
	sum := sha256.Sum256([]byte(key + ":" + strconv.Itoa(k)))
	spread := time.Duration(binary.BigEndian.Uint16(sum[:])%401) - 200 // -200 to 200 of 1000
	next := sends[k-1].Add(wait + wait*spread/1000)
	if k >= burst {
		next = later(next, sends[k-burst].Add(burstWindow))
	}
	if k >= sendsPerDay {
		next = later(next, sends[k-sendsPerDay].Add(aDay))
	}
	return max(0, next.Sub(now))
}

// since drops what is older.
func since(times []time.Time, from time.Time) []time.Time {
	var kept []time.Time
	for _, t := range times {
		if t.After(from) {
			kept = append(kept, t)
		}
	}
	return kept
}
