package socket

import "time"

// Limits of sockets. They are all on by default; see the service's Config.
type Limits struct {
	Sockets           int           // in all
	SocketsPerAccount int           // of one account
	SocketsPerAddress int           // of one IPv4 address or IPv6 /64
	HelloWithin       time.Duration // without a token in the header
	GreetedWithin     time.Duration // with one
	FrameBytes        int           // the longest frame
	BytesPerSecond    int           // read budget, and its burst
	PingEvery         time.Duration
	PongWithin        time.Duration
	WriteWithin       time.Duration
	QueueFrames       int // unread frames; at half of them, what may be shed is shed
}

const (
	corked         = 16 // frames in one write: five to seven times the rate in busy rooms (design: chat-relay)
	bufferBytes    = 1024
	queueBytes     = 1 << 20   // of unread frames, beside their number: 256 pages of history would be 400 MB a socket
	historyBytes   = 512 << 10 // of a page of history, which is cut there: a client needn't take frames of any size
	watchEvery     = 500 * time.Millisecond
	maxViolations  = 3
	violationsIn   = 10 * time.Minute
	lingerFor      = time.Second
	lingerBytes    = 1 << 20
	commandTimeout = 5 * time.Second
)
