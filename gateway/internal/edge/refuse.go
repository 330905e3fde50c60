package edge

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
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
	if conn.SetDeadline(time.Now().Add(refuseFor)) != nil {
		return
	}
	if _, err := conn.Write(tooMany()); err != nil {
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

// tooMany is a whole HTTP answer with a problem document, for who is refused before there is a request. It closes the
// connection.
func tooMany() []byte {
	const status, code, detail = http.StatusTooManyRequests, fault.CodeTooManyConnections, "too many open connections; close some, then try again"
	body := fmt.Sprintf(`{"type":"urn:centinela:problem:%s","title":%q,"status":%d,"code":%q,"detail":%q,"request_id":"-","retry_after":%d}`,
		code, http.StatusText(status), status, code, detail, retrySecs)
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n", status, http.StatusText(status))
	b.WriteString(fixedLines)
	fmt.Fprintf(&b, "Retry-After: %d\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", retrySecs, len(body), body)
	return b.Bytes()
}
