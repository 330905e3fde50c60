package edge

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"centinela/shared/fault"
)

const (
	// refuseFor bounds what a refused connection may cost in time, maxRefusing in number.
	refuseFor   = time.Second
	maxRefusing = 256
	retrySecs   = 5
)

// refuse says why and closes. What the client has sent is read away first, or
// the close would reset the connection before the reason arrives. Under TLS
// nobody could read it, and in a flood nobody waits for it: then it only closes.
func (l *Listener) refuse(conn net.Conn) {
	if !l.limits.Plain {
		_ = conn.Close() // nothing was written, nothing can be lost
		return
	}
	select {
	case l.refusing <- struct{}{}:
		go func() {
			defer func() { <-l.refusing }()
			sayRefusal(conn)
		}()
	default:
		_ = conn.Close() // as above
	}
}

func sayRefusal(conn net.Conn) {
	defer conn.Close()
	reason := answer(http.StatusTooManyRequests, fault.CodeTooManyConnections, "too many open connections; close some, then try again", retrySecs)
	if conn.SetDeadline(time.Now().Add(refuseFor)) != nil {
		return
	}
	if _, err := conn.Write(reason); err != nil {
		return
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	var sink [4096]byte
	for range 16 {
		if _, err := conn.Read(sink[:]); err != nil {
			return
		}
	}
}

// answer is a whole HTTP answer with a problem document, for what is refused
// before there is a request. It closes the connection.
func answer(status int, code fault.Code, detail string, retryAfter int) []byte {
	retryBody, retryHeader := "", ""
	if retryAfter > 0 {
		retryBody = `,"retry_after":` + strconv.Itoa(retryAfter)
		retryHeader = "Retry-After: " + strconv.Itoa(retryAfter) + "\r\n"
	}
	body := fmt.Sprintf(`{"type":"urn:centinela:problem:%s","title":%q,"status":%d,"code":%q,"detail":%q,"request_id":"-"%s}`,
		code, http.StatusText(status), status, code, detail, retryBody)
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n", status, http.StatusText(status))
	for name, values := range fixed {
		fmt.Fprintf(&b, "%s: %s\r\n", name, values[0])
	}
	fmt.Fprintf(&b, "%sConnection: close\r\nContent-Length: %d\r\n\r\n%s", retryHeader, len(body), body)
	return b.Bytes()
}

// plainRefusal is how net/http ends what it writes itself when a request can't
// be read: the status line again as text. It knows no hook for these answers.
const plainRefusal = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"

// Write passes on what the server writes. Where that is net/http's own refusal
// of a request that it could not read (431, 400, 501, 505), it becomes a problem
// document like every other refusal. Under TLS the texts stay as they are, and
// so does everything on a socket.
func (c *counted) Write(p []byte) (int, error) {
	if !c.http.Load() || len(p) > 512 || !bytes.HasPrefix(p, []byte("HTTP/1.1 ")) {
		return c.Conn.Write(p)
	}
	problem := ownRefusal(p)
	if problem == nil {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(problem); err != nil {
		return 0, err
	}
	return len(p), nil
}

// ownRefusal translates net/http's text, nil where p is anything else.
func ownRefusal(p []byte) []byte {
	line, text, ok := bytes.Cut(p[len("HTTP/1.1 "):], []byte(plainRefusal))
	if !ok || len(line) < 3 || !bytes.Equal(line, text) && string(text) != "Unsupported transfer encoding" {
		return nil
	}
	switch string(line[:3]) {
	case "431":
		return answer(http.StatusRequestHeaderFieldsTooLarge, fault.CodeHeaderTooLarge, "the headers are larger than 16 KiB", 0)
	case "400":
		return answer(http.StatusBadRequest, fault.CodeInvalidRequest, "the request is not HTTP/1.1 as RFC 9112 has it", 0)
	case "501":
		return answer(http.StatusNotImplemented, fault.CodeInvalidRequest, "the transfer encoding is not known", 0)
	case "505":
		return answer(http.StatusHTTPVersionNotSupported, fault.CodeInvalidRequest, "the HTTP version is not supported", 0)
	}
	return nil
}
