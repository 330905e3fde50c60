package httpkit

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

var (
	errDeadline = fault.New(fault.KindUnavailable, fault.CodeDeadlineExceeded, "too little time is left to do this")
	errTooLarge = fault.New(fault.KindTooLarge, fault.CodeBodyTooLarge, "the body is larger than the operation takes")
	errEncoding = fault.New(fault.KindUnsupportedMedia, fault.CodeUnsupportedMediaType, "a compressed body is not taken")
)

// deadline gives the request's context its end: the operation's own time, or what the calling service has left.
// A WebSocket has none: it lives until one side leaves.
func (s *Server) deadline(c *gin.Context) {
	op := stateOf(c.Request.Context()).op
	limit := s.opts.Timeout
	if op.long {
		limit = longTimeout
	}
	if text := c.GetHeader(HeaderDeadline); text != "" && !s.opts.Public {
		millis, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			fail(c, errInvalid.WithFields(fault.Field{Pointer: "header:" + HeaderDeadline, Code: string(fault.CodeInvalidField), Detail: "must be milliseconds"}))
			return
		}
		left := time.Duration(millis)*time.Millisecond - deadlineMargin
		if left < leastTime {
			fail(c, errDeadline)
			return
		}
		limit = min(limit, left)
	}
	if op.long && isUpgrade(c.Request) {
		c.Next()
		return
	}
	limitAnswer(c, limit)
	ctx, cancel := context.WithTimeout(c.Request.Context(), limit)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
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

// limitBody refuses a body that says it is too large, and stops reading one that turns out to be. It comes before
// validation, which buffers. A compressed body is refused: nothing of ours sends one, and what it grows to is unknown.
func (s *Server) limitBody(c *gin.Context) {
	r := c.Request
	limit := stateOf(r.Context()).op.maxBody
	if r.ContentLength > limit {
		c.Header("Connection", "close") // the rest is not read
		fail(c, errTooLarge)
		return
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		fail(c, errEncoding)
		return
	}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = pace(c, http.MaxBytesReader(c.Writer, r.Body, limit))
	}
	c.Next()
}
