package httpkit

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/fault"
	"centinela/shared/svcauth"
)

// frozen is a peer that takes connections, and answers while it isn't stopped.
type frozen struct {
	stopped atomic.Bool
	asked   atomic.Int32
}

func (f *frozen) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		requests := bufio.NewReader(server)
		for {
			req, err := http.ReadRequest(requests)
			if err != nil {
				return // the client has gone
			}
			_, _ = io.Copy(io.Discard, req.Body)
			f.asked.Add(1)
			if f.stopped.Load() {
				_, _ = io.Copy(io.Discard, server) // until the client gives up
				return
			}
			if _, err := io.WriteString(server, "HTTP/1.1 204 No Content\r\n\r\n"); err != nil {
				return
			}
		}
	}()
	return client, nil
}

// TestPeerThatHangs: a peer that takes connections and answers nothing (SIGSTOP) opens the breaker after three calls. Whoever
// calls then learns it within 100 ms, also while the peer is asked again, and the peer is found when it answers
// (gateway.md, "Proxy"; AG W7).
func TestPeerThatHangs(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		peer := &frozen{}
		c := NewClient(ClientOptions{
			Callee: "auth", BaseURL: func() string { return "http://auth" }, Signer: svcauth.NewSigner("gateway", key), Timeout: 10 * time.Second,
		})
		c.transport.DialContext = peer.dial
		defer c.Close()
		call := func() (*fault.Error, time.Duration) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://auth/", nil)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			resp, err := c.Do(req)
			if err == nil {
				_ = resp.Body.Close() // it is empty
				return nil, time.Since(began)
			}
			return fault.From(err), time.Since(began)
		}
		if f, _ := call(); f != nil {
			t.Fatal(f)
		}
		peer.stopped.Store(true)
		for i := range 3 {
			if f, took := call(); f == nil || f.Kind != fault.KindTimeout || took != 10*time.Second {
				t.Fatalf("call %d: %v after %s", i, f, took)
			}
		}
		asked := peer.asked.Load()
		for range 200 {
			if f, took := call(); f == nil || f.Kind != fault.KindUnavailable || f.RetryAfter == 0 || took > 100*time.Millisecond {
				t.Fatalf("while it hangs: %v after %s", f, took)
			}
			time.Sleep(50 * time.Millisecond)
		}
		if n := peer.asked.Load() - asked; n < 3 || n > 20 {
			t.Errorf("the peer was asked %d times in more than 10 s, want about each 1.5 s", n)
		}
		peer.stopped.Store(false)
		time.Sleep(2 * time.Second) // the probe that hangs, and the pause
		if f, _ := call(); f != nil {
			t.Errorf("it answers again, and calls say %v", f)
		}
	})
}

// TestHandshakeThatHangs: a call whose context was ended with a timeout counts as the peer's silence; one whose client left,
// or didn't send its body, doesn't.
func TestHandshakeThatHangs(t *testing.T) {
	timeout := fault.New(fault.KindTimeout, fault.CodeTimeout, "too long")
	for name, c := range map[string]struct {
		err      error
		excluded bool
	}{
		"left":      {context.Canceled, true},
		"ended":     {errors.Join(timeout, context.Canceled), false},
		"slow body": {errSlowBody, true},
		"deadline":  {context.DeadlineExceeded, false},
		"broken":    {io.ErrUnexpectedEOF, false},
	} {
		if saysNothing(c.err) != c.excluded {
			t.Errorf("%s: excluded %v", name, !c.excluded)
		}
	}
}
