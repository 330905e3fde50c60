package httpkit

import (
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// paced is a body that has to arrive at a minimum rate, and before its request ends (gateway.md, "slow bodies are cut").
// Reading does not watch a context by itself: a client that sends a byte a minute would hold a goroutine and its place
// for ever. Only the time spent waiting for the client counts, so that a slow reader of ours is not its fault.
type paced struct {
	io.ReadCloser
	control *http.ResponseController
	end     time.Time // the request's; zero for a socket, which has none
	waited  time.Duration
	arrived int64
	over    bool // the body was read to its end, or failed
}

// pace wraps body, and limits it from now on: net/http reads a body to its end also when no handler did.
func pace(c *gin.Context, body io.ReadCloser) io.ReadCloser {
	p := &paced{ReadCloser: body, control: http.NewResponseController(c.Writer)}
	p.end, _ = c.Request.Context().Deadline()
	p.limit(time.Now())
	return p
}

func (p *paced) Read(b []byte) (int, error) {
	if p.over {
		return p.ReadCloser.Read(b) // what waits now is net/http's watch on the client's leaving: it has no limit
	}
	began := time.Now()
	p.limit(began)
	n, err := p.ReadCloser.Read(b)
	p.arrived += int64(n)
	p.waited += time.Since(began)
	p.over = err != nil
	return n, err
}

// limit allows what the bytes that came have earned, and never more than the request has.
func (p *paced) limit(now time.Time) {
	due := now.Add(bodyGrace + time.Duration(p.arrived)*time.Second/bodyRate - p.waited)
	if !p.end.IsZero() && p.end.Before(due) {
		due = p.end
	}
	_ = p.control.SetReadDeadline(due) // not every writer has deadlines: those of tests, which have no client either
}

// limitAnswer ends the writing of an answer some time after the request: a client that asks and then doesn't read
// would hold a goroutine and its place for ever, because writing does not watch a context. net/http resets it for the
// next request, and a hijack clears it.
func limitAnswer(c *gin.Context, limit time.Duration) {
	// Not every writer has deadlines: those of tests, which have no client either.
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(limit + answerTime))
}
