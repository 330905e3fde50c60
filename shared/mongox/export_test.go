package mongox

import "time"

// AlwaysLeased makes a log believe that the lease is its own.
func AlwaysLeased(l *Log) {
	l.now = func() time.Time { return time.Unix(1, 0) }
	l.leased = time.Unix(1, 0).Add(leaseFor)
}

// ElevenSecondsLater turns a log's clock on.
func ElevenSecondsLater(l *Log) {
	l.now = func() time.Time { return time.Now().Add(leaseFor + time.Second) }
}
