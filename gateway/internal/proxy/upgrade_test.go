package proxy

import (
	"errors"
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
