package socket

import "time"

// Limits of sockets, as the service's configuration has them; all are on by default (design: chat-relay, "Limits"). The
// bytes a second are the burst too, and at half of the queued frames what may be shed is shed.
type Limits struct {
	Max          int           `yaml:"max" help:"sockets in all"`
	PerAccount   int           `yaml:"per_account" help:"sockets of an account"`
	PerAddress   int           `yaml:"per_address" help:"sockets of an address, IPv6 by /64"`
	HelloWithin  time.Duration `yaml:"hello_within" help:"an unauthenticated socket lives so long"`
	GreetWithin  time.Duration `yaml:"greet_within" help:"an authenticated one lives so long without its first frame"`
	FrameBytes   int           `yaml:"frame_bytes" help:"bytes of one frame from a client"`
	BytesASecond int           `yaml:"bytes_a_second" help:"bytes a second read from a socket"`
	PingEvery    time.Duration `yaml:"ping_every" help:"a silent socket is pinged so often"`
	PongWithin   time.Duration `yaml:"pong_within" help:"and closed when it doesn't answer for so long"`
	WriteWithin  time.Duration `yaml:"write_within" help:"a socket that takes nothing for so long is closed"`
	QueueFrames  int           `yaml:"queue_frames" help:"frames that wait for a socket; one that is farther behind is closed as slow"`
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
