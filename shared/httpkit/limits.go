package httpkit

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

var (
	errDeadline = fault.New(fault.KindUnavailable, fault.CodeDeadlineExceeded, "too little time is left to do this")
	errEncoding = fault.New(fault.KindUnsupportedMedia, fault.CodeUnsupportedMediaType, "a compressed body is not taken")
)

// timeOf is how long a request may take: the operation's own time, or what the calling service has left. 0 is no limit: a
// WebSocket lives until one side leaves.
func (s *Server) timeOf(r *http.Request, op *operation) (time.Duration, error) {
	limit := s.opts.Timeout
	if op.long {
		limit = longTimeout
	}
	if text := r.Header.Get(HeaderDeadline); text != "" && !s.opts.Public {
		millis, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return limit, invalidHeader(HeaderDeadline, "must be milliseconds")
		}
		left := time.Duration(millis)*time.Millisecond - deadlineMargin
		if left < leastTime {
			return limit, errDeadline
		}
		limit = min(limit, left)
	}
	if op.long && isUpgrade(r) {
		return 0, nil
	}
	return limit, nil
}

func invalidHeader(name, detail string) *fault.Error {
	return errInvalid.WithFields(fault.Field{Pointer: "header:" + name, Code: string(fault.CodeInvalidField), Detail: detail})
}

// isUpgrade is as RFC 6455 §4.2.1 has it: one header alone makes no socket, and must not make a request without an end.
func isUpgrade(r *http.Request) bool {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return false
	}
	for token := range strings.SplitSeq(strings.Join(r.Header.Values("Connection"), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(token), "upgrade") {
			return true
		}
	}
	return false
}

// single are the headers that decide who asks and what is read. Of two, one part of the chain could take the first and
// another the second.
var single = [...]string{"Authorization", "Content-Encoding", "Content-Type"}

// limitBody refuses a body that says it is too large, and stops reading one that turns out to be. It comes before
// validation, which buffers. A compressed body is refused: nothing of ours sends one, and what it grows to is unknown.
func (s *Server) limitBody(c *gin.Context) {
	r := c.Request
	st := stateOf(r.Context())
	for _, name := range single {
		if len(r.Header[name]) > 1 {
			Fail(c, invalidHeader(name, "must come once"))
			return
		}
	}
	if r.ContentLength > st.op.maxBody {
		c.Header("Connection", "close") // the rest is not read
		Fail(c, errTooLarge)
		return
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		Fail(c, errEncoding)
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = limitRate(c, st, http.MaxBytesReader(c.Writer, r.Body, st.op.maxBody))
	}
	c.Next()
}
