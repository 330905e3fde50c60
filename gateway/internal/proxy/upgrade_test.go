package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestSocketOfAClientThatDoesNotRead: it ends, and gives its place back (R2.2); one that reads slowly goes on.
func TestSocketOfAClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		slow := socket{server}
		for range 3 {
			go func() {
				time.Sleep(stalled - time.Second)
				_, _ = client.Read(make([]byte, 1)) // the writer tells
			}()
			if _, err := slow.Write([]byte("x")); err != nil {
				t.Fatalf("a slow client: %v", err)
			}
		}
		began := time.Now()
		if _, err := slow.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != stalled {
			t.Errorf("a client that doesn't read: %v after %s", err, time.Since(began))
		}
	})
}

// greedy tells how much it was asked for at once.
type greedy struct{ asked int }

func (g *greedy) Read(p []byte) (int, error) {
	g.asked = max(g.asked, len(p))
	return 0, io.EOF
}

// given is a connection that is a greedy reader.
type given struct {
	net.Conn
	*greedy
}

func (g given) Read(p []byte) (int, error) { return g.greedy.Read(p) }

// TestSocketHoldsLittle: what a socket's two directions hold for its whole life is small (R2.2).
func TestSocketHoldsLittle(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	down, up := &greedy{}, &greedy{}
	if _, err := io.Copy(socket{server}, down); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, socket{given{server, up}}); err != nil {
		t.Fatal(err)
	}
	if down.asked != copyBytes || up.asked != copyBytes {
		t.Errorf("to the client %d bytes at once, from it %d, want %d", down.asked, up.asked, copyBytes)
	}
}
