package httpkit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

// What a client does wrong with its body is never counted as ours (gateway.md, "Connections").
var (
	errTooLarge   = fault.New(fault.KindTooLarge, fault.CodeBodyTooLarge, "the body is larger than the operation takes")
	errSlowBody   = fault.New(fault.KindRequestTimeout, fault.CodeRequestTimeout, "the body came too slowly")
	errCutBody    = fault.New(fault.KindRequestTimeout, fault.CodeRequestTimeout, "the body did not come to its end")
	errUnreadable = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "the request could not be read")
)

// limitedBody has to arrive at a minimum rate, and before its request ends (gateway.md, "slow bodies are cut"). Reading
// does not watch a context by itself: a client that sends a byte a minute would hold a goroutine and its place for ever.
// Only the time spent waiting for the client counts, so that a slow reader of ours is not its fault.
type limitedBody struct {
	io.ReadCloser
	state   *state
	control *http.ResponseController
	end     time.Time // the request's; zero for a socket, which has none
	waited  time.Duration
	arrived int64
	over    bool // the body was read to its end, or failed
}

// limitRate wraps body, and limits it from now on: net/http reads a body to its end also when no handler did.
func limitRate(c *gin.Context, st *state, body io.ReadCloser) io.ReadCloser {
	b := &limitedBody{ReadCloser: body, state: st, control: http.NewResponseController(c.Writer)}
	b.end, _ = st.Deadline()
	b.allow(time.Now())
	return b
}

// Read returns faults, and keeps the first: whatever is made of it further in, the answer is that the client did it.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.over { // what waits now is net/http's watch on the client's leaving: it has no limit
		n, err := b.ReadCloser.Read(p)
		return n, readingFault(err)
	}
	began := time.Now()
	b.allow(began)
	n, err := b.ReadCloser.Read(p)
	b.arrived += int64(n)
	b.waited += time.Since(began)
	b.over = err != nil
	err = readingFault(err)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		b.state.unread.CompareAndSwap(nil, f)
	}
	return n, err
}

// allow gives what the bytes that came have earned, and never more than the request has.
func (b *limitedBody) allow(now time.Time) {
	due := now.Add(bodyGrace + time.Duration(b.arrived)*time.Second/bodyRate - b.waited)
	if !b.end.IsZero() && b.end.Before(due) {
		due = b.end
	}
	_ = b.control.SetReadDeadline(due) // not every writer has deadlines: those of tests, which have no client either
}

// readingFault is the client's fault that a failed reading of its body is; nil and io.EOF stay. The text of err is left
// out of what is public: it may quote.
func readingFault(err error) error {
	if err == nil || err == io.EOF { //nolint:errorlint // a Reader's own end is that very value
		return err
	}
	return faultFromReading(err)
}

// faultFromReading is for a body that could not be read to its end.
func faultFromReading(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return errSlowBody
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errCutBody
	}
	return errUnreadable
}

// limitAnswer ends the writing of an answer some time after the request: a client that asks and then doesn't read
// would hold a goroutine and its place for ever, because writing does not watch a context. net/http resets it for the
// next request, and a hijack clears it.
func limitAnswer(c *gin.Context, now time.Time, limit time.Duration) {
	// Not every writer has deadlines: those of tests, which have no client either.
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(now.Add(limit + answerTime))
}
