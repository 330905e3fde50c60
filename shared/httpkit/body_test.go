package httpkit_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/httpkit"
	"centinela/shared/testkit"
)

// one is a listener of one connection, which needs no network: its deadlines run on the bubble's clock.
type one struct {
	conn   chan net.Conn
	closed chan struct{}
}

func (l *one) Accept() (net.Conn, error) {
	select {
	case c := <-l.conn:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *one) Close() error   { close(l.closed); return nil }
func (l *one) Addr() net.Addr { return &net.TCPAddr{} }

// connect serves w at the other end of a pipe.
func (w *world) connect() net.Conn {
	w.t.Helper()
	client, server := net.Pipe()
	l := &one{conn: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conn <- server
	s := &http.Server{Handler: w.server.Handler()}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
		if err := <-done; err != http.ErrServerClosed { //nolint:errorlint // as net/http returns it
			w.t.Error(err)
		}
		client.Close()
	})
	return client
}

func public(o *httpkit.Options) { o.Public, o.Callers = true, nil }

// dribble sends head, and then a byte a second until the answer begins.
func dribble(t *testing.T, head string) (status int, after time.Duration) {
	w := newWorld(t, public)
	conn := w.connect()
	began := time.Now()
	done := make(chan struct{})
	defer close(done)
	go func() {
		_, err := io.WriteString(conn, head)
		for err == nil {
			select {
			case <-done:
				return
			case <-time.After(time.Second):
				_, err = io.WriteString(conn, " ")
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, time.Since(began)
}

// TestDribbledBodyIsCut holds "slow bodies are cut (minimum rate)" (gateway.md; R2.1): also where nobody reads the body, and
// on a socket's route, which has no deadline of its own.
func TestDribbledBodyIsCut(t *testing.T) {
	const slow = "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"
	tests := []struct {
		name, head string
		status     int
	}{
		{"read", "PUT /big HTTP/1.1\r\nHost: a\r\n" + slow, 408},
		{"unread", "GET /nowhere HTTP/1.1\r\nHost: a\r\n" + slow, 404},
		{"socket", "GET /wait HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + slow, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status, after := dribble(t, tt.head)
				if status != tt.status || after > 7*time.Second {
					t.Errorf("answered %d after %s, want %d within 7 s", status, after, tt.status)
				}
			})
		})
	}
}

// TestClientsFault holds "the client's fault is never counted as ours" (gateway.md; AG D8): a body that is slow or cut is
// 408 on HTTP/1.1 and HTTP/2, whoever reads it, and in no metric or log line an error of ours.
func TestClientsFault(t *testing.T) {
	stream := func(c *gin.Context) { // as a proxy does: what fails is the reading, told in other words
		if _, err := io.ReadAll(c.Request.Body); err != nil {
			httpkit.OnHandlerError(c, errors.New("copy: broken"))
		}
	}
	tests := []struct {
		name, proto, mediaType string
		cut                    bool
	}{
		{"validated", "HTTP/1.1", "application/json", false},
		{"validated_h2", "HTTP/2.0", "application/json", false},
		{"streamed", "HTTP/1.1", "application/octet-stream", false},
		{"streamed_h2", "HTTP/2.0", "application/octet-stream", false},
		{"cut", "HTTP/1.1", "application/json", true},
		{"cut_stream", "HTTP/1.1", "application/octet-stream", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(o *httpkit.Options) { public(o); o.Timeout = 100 * time.Millisecond })
			w.handle = stream
			srv := httptest.NewUnstartedServer(w.server.Handler())
			srv.EnableHTTP2 = tt.proto == "HTTP/2.0"
			srv.StartTLS()
			t.Cleanup(srv.Close)
			var resp *http.Response
			if tt.cut {
				resp = cutOff(t, srv, tt.mediaType)
			} else {
				resp = stalling(t, srv, tt.mediaType)
			}
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.Proto != tt.proto || resp.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), `"code":"request_timeout"`) {
				t.Fatalf("%s %s %v %s", resp.Proto, resp.Status, err, text)
			}
			if tt.proto == "HTTP/1.1" && !resp.Close {
				t.Error("the connection is kept, with the rest of the body on it")
			}
			log := ""
			testkit.Eventually(t, 5*time.Second, func() (bool, string) { log = w.log.String(); return log != "", "no line" })
			if strings.Contains(log, "ERROR") || strings.Contains(log, `"gone"`) || !strings.Contains(log, `"status":408`) {
				t.Errorf("log = %s", log)
			}
			if metrics := series(t, w.reg); strings.Contains(metrics, "5xx") || !strings.Contains(metrics, "4xx request_timeout") {
				t.Errorf("metrics: %s", metrics)
			}
		})
	}
}

// stalling sends the head of a body, and then nothing.
func stalling(t *testing.T, srv *httptest.Server, mediaType string) *http.Response {
	t.Helper()
	body, hold := io.Pipe()
	t.Cleanup(func() { _ = hold.Close() }) // the server has cut it by then
	go io.WriteString(hold, "{")           // ends with the pipe
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/small", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaType)
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// cutOff sends less than it said, and no more.
func cutOff(t *testing.T, srv *httptest.Server, mediaType string) *http.Response {
	t.Helper()
	conn, err := tls.Dial("tcp", srv.Listener.Addr().String(), srv.Client().Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Type: "+mediaType+"\r\nContent-Length: 30\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// series are the labels of the counter of requests, a line each.
func series(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range families {
		if !strings.HasSuffix(f.GetName(), "http_requests_total") {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetCounter().GetValue() == 0 {
				continue
			}
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			lines = append(lines, labels["operation"]+" "+labels["class"]+" "+labels["outcome"])
		}
	}
	return strings.Join(lines, "\n")
}

// TestSteadyBodyPasses: a slow line is no attack. What comes at the minimum rate may take as long as the request has.
func TestSteadyBodyPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public)
		conn := w.connect()
		go func() {
			_, err := io.WriteString(conn, "PUT /big HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 40002\r\n\r\n{}")
			for range 8 {
				if err != nil {
					return // the reader tells
				}
				time.Sleep(time.Second)
				_, err = io.WriteString(conn, strings.Repeat(" ", 5000))
			}
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", resp, err)
		}
	})
}

// TestSlowHandlerKeepsItsClient: the body's limit is over when the body is: a handler that works on for longer is not
// told that its client left.
func TestSlowHandlerKeepsItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public)
		w.handle = func(c *gin.Context) {
			for range 2 { // some readers ask once more
				if _, err := io.ReadAll(c.Request.Body); err != nil {
					t.Error(err)
				}
			}
			select {
			case <-time.After(8 * time.Second):
				c.JSON(http.StatusOK, gin.H{"ok": true})
			case <-c.Request.Context().Done():
				httpkit.Fail(c, c.Request.Context().Err())
			}
		}
		conn := w.connect()
		go io.WriteString(conn, "POST /small HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\n{}") // the reader tells
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", resp, err)
		}
	})
}

// TestUnreadAnswerIsCut: a client that asks and doesn't read holds nothing for ever (R2.2).
func TestUnreadAnswerIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, public)
		written := make(chan error, 1)
		w.handle = func(c *gin.Context) {
			_, err := io.Copy(c.Writer, io.LimitReader(zeros{}, 1<<20))
			written <- err
		}
		conn := w.connect()
		if _, err := io.WriteString(conn, "GET /either HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		select {
		case err := <-written:
			if err == nil || time.Since(began) < 10*time.Second {
				t.Errorf("%v after %s", err, time.Since(began))
			}
		case <-time.After(2 * time.Minute):
			t.Error("the handler still waits for a client that doesn't read")
		}
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
