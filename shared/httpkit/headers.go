package httpkit

import "time"

// Headers of internal calls. The gateway takes what a client sends under these names away.
const (
	HeaderRequestID     = "X-Request-Id"
	HeaderService       = "X-Centinela-Service"        // service token (svcauth)
	HeaderClientAddress = "X-Centinela-Client-Address" // the client's IP address, as the gateway saw it
	HeaderUserAgent     = "X-Centinela-User-Agent"     // the client's User-Agent
	HeaderDeadline      = "X-Centinela-Deadline-Ms"    // what is left of the caller's time, milliseconds
	HeaderCode          = "X-Centinela-Code"           // of an answer: the error code of its problem document
	HeaderDevAddress    = "X-Dev-Address"              // development only: the client address to pretend
)

const (
	// DefaultMaxBody is the body limit, in bytes, of an operation without x-max-body.
	DefaultMaxBody = 64 << 10
	// DefaultTimeout is the time of a request whose caller sets no deadline.
	DefaultTimeout = 10 * time.Second
	// longTimeout is that of an operation marked x-long (long polling).
	longTimeout = 60 * time.Second
	// deadlineMargin is taken off the caller's time for the way back; with less than leastTime left, work is refused
	// (architecture.md, Requests).
	deadlineMargin = 20 * time.Millisecond
	leastTime      = 100 * time.Millisecond

	// A body may take bodyGrace, and a second more for each bodyRate bytes that came.
	bodyGrace = 5 * time.Second
	bodyRate  = 4 << 10
	// answerTime is what a client has to read an answer after its request's time: 1.4 MB of reference at 50 kB/s.
	answerTime = 30 * time.Second

	maxUserAgent = 256
	maxPath      = 128 // of an unknown route, in the log
)
