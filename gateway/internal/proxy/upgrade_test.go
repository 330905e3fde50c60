package proxy

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"centinela/shared/obs"
	"centinela/shared/testkit"
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

// end is one end of a pipe that tells how much was asked of it at once.
type end struct {
	net.Conn
	asked atomic.Int32
}

func (e *end) Read(p []byte) (int, error) {
	e.asked.Store(int32(len(p)))
	return e.Conn.Read(p)
}

// ends are a socket's: its client, its service, and what join has of each.
func ends(t *testing.T, early string) (client, service net.Conn, ours [2]*end) {
	t.Helper()
	client, c := net.Pipe()
	service, s := net.Pipe()
	ours = [2]*end{{Conn: c}, {Conn: s}}
	t.Cleanup(func() { client.Close(); service.Close() })
	join(ours[0], []byte(early), ours[1], slog.New(slog.DiscardHandler))
	return client, service, ours
}

// TestJoin: bytes pass in both directions, those that came with the handshake first; a direction holds little (R2.2); and
// when one end leaves, so does the other.
func TestJoin(t *testing.T) {
	for name, leaves := range map[string]func(client, service net.Conn) (left net.Conn){
		"client":  func(client, service net.Conn) net.Conn { client.Close(); return service },
		"service": func(client, service net.Conn) net.Conn { service.Close(); return client },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, service, ours := ends(t, "early ")
				go io.WriteString(client, "late") // the reader tells
				got := make([]byte, 10)
				if _, err := io.ReadFull(service, got); err != nil || string(got) != "early late" {
					t.Errorf("the service got %q, %v", got, err)
				}
				go io.WriteString(service, strings.Repeat("x", 3*copyBytes)) // the reader tells
				if n, err := io.ReadFull(client, make([]byte, 3*copyBytes)); err != nil {
					t.Errorf("the client got %d bytes, %v", n, err)
				}
				synctest.Wait()
				for _, e := range ours {
					if n := e.asked.Load(); n != copyBytes {
						t.Errorf("%d bytes asked for at once, want %d", n, copyBytes)
					}
				}
				if _, err := leaves(client, service).Read(make([]byte, 1)); err == nil {
					t.Error("the other end is left behind")
				}
			})
		})
	}
}

// TestPanicInASocket: it ends that socket and nothing else (R3).
func TestPanicInASocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, c := net.Pipe()
		defer client.Close()
		var logs testkit.Buffer
		join(c, nil, broken{c}, obs.NewLogger(&logs, "gateway", "info", obs.FormatJSON))
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("the socket goes on")
		}
		synctest.Wait()
		if log := logs.String(); strings.Count(log, "kaboom") < 1 || !strings.Contains(log, "upgrade_test.go") {
			t.Errorf("log = %s", log)
		}
	})
}

type broken struct{ net.Conn }

func (broken) Read([]byte) (int, error) { panic("kaboom") }
