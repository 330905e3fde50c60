package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"centinela/deploy/suite"
	"centinela/shared/testkit"
)

// earned is white space in front of a body. A body that doesn't come is cut
// after 5 s, and a second later for each 4 KiB that came: this much lets a
// request stay open for 20 s, which is longer than two signals need on a
// machine whose cores are busy (MG D2).
const earned = 60 << 10

// openRequest is a sign-up of which the gateway has read the header, and waits
// for the body.
type openRequest struct {
	conn   net.Conn
	answer *bufio.Reader
	body   string
}

func (s *world) openRequest(t *testing.T) *openRequest {
	t.Helper()
	conn, err := net.Dial("tcp", s.Address("gateway"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have been first
	o := &openRequest{conn: conn, answer: bufio.NewReader(conn), body: `{"user_name":"p` + randomHex(t, 8) + `","password":"` + password + `"}`}
	_, err = fmt.Fprintf(conn, "POST /v1/accounts HTTP/1.1\r\nHost: centinela\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", earned+len(o.body))
	if err != nil {
		t.Fatal(err)
	}
	line, err := o.answer.ReadString('\n') // said when the handler reads the body
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := o.answer.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.Repeat(" ", earned)); err != nil {
		t.Fatal(err)
	}
	return o
}

// finish sends the body and returns the status of the answer.
func (o *openRequest) finish(t *testing.T) int {
	t.Helper()
	if _, err := io.WriteString(o.conn, o.body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(o.answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// awaitDraining waits until /readyz says 503, as a balancer needs it.
func (s *world) awaitDraining(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, suite.StopTime, func() (bool, string) {
		status := suite.Readyz(t.Context(), s.Ops("gateway"))
		return status == http.StatusServiceUnavailable, fmt.Sprintf("/readyz says %d", status)
	})
}

// signal sends one to the process of the whole suite.
func (s *world) signal(t *testing.T) {
	t.Helper()
	if err := s.Process("all").Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// Design "Lifecycle": on SIGTERM /readyz says 503, the request that is open is
// finished by all that it needs, and the parts stop in the reverse order of
// their start, the gateway first and audit last; exit code 0.
func TestStopOrder(t *testing.T) {
	s := start(t, together, onSQLite, "log.level=debug", "gateway.request_timeout=1m")
	p := s.Process("all")
	open := s.openRequest(t)
	s.signal(t)
	s.awaitDraining(t)
	// The listener closes right after /readyz said so, not before: a balancer hears first.
	testkit.Eventually(t, suite.StopTime, func() (bool, string) {
		conn, err := net.Dial("tcp", s.Address("gateway"))
		if err == nil {
			conn.Close()
		}
		return err != nil, "a new connection is taken while it drains"
	})
	if status := open.finish(t); status != http.StatusCreated {
		t.Errorf("the open request is answered %d", status)
	}
	if err := p.AwaitEnd(); err != nil {
		t.Fatal(err)
	}
	if code := p.State().ExitCode(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.Log())
	}
	var stopped []string
	for line := range strings.Lines(p.Log()) {
		var entry struct{ Msg, Unit string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "unit stopped" && slices.Contains(parts, entry.Unit) {
			stopped = append(stopped, entry.Unit)
		}
	}
	want := slices.Clone(parts)
	slices.Reverse(want)
	if !slices.Equal(stopped, want) {
		t.Errorf("stopped %q, not %q", stopped, want)
	}
}

// A second signal doesn't wait for what the first one waits for.
func TestSecondSignal(t *testing.T) {
	s := start(t, together, onSQLite, "stop_budget=10m", "gateway.request_timeout=1m")
	p := s.Process("all")
	s.openRequest(t)
	s.signal(t)
	s.awaitDraining(t)
	if !p.Running() {
		t.Fatalf("it ended with a request open:\n%s", p.Log())
	}
	s.signal(t)
	if err := p.AwaitEnd(); err != nil {
		t.Fatal(err)
	}
	if status, ok := p.State().Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v:\n%s", p.State(), p.Log())
	}
}

// A part that others wait on (the verdict feed's long polls) stops at once and
// whole: those who wait are answered.
func TestEachPartStopsAlone(t *testing.T) {
	s := start(t, apart, onSQLite)
	ana := s.join(t.Context())
	for _, part := range parts {
		if err := s.Process(part).Terminate(); err != nil {
			t.Error(err)
		}
		if part == "gateway" {
			continue
		}
		s.restart(part)
	}
	s.restart("gateway")
	testkit.Eventually(t, settleTime, func() (bool, string) {
		_, err := ana.session.Me(t.Context())
		return err == nil, fmt.Sprint(err)
	})
}
