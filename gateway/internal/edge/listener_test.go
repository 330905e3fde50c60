package edge_test

import (
	"net"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/gateway/internal/edge"
)

// TestCloseTwice (MU G06): a connection that is closed twice gives one place back.
func TestCloseTwice(t *testing.T) {
	bound, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := edge.Limit(bound, edge.Limits{Max: 10, PerAddress: 10}, prometheus.NewRegistry())
	defer l.Close()
	var held []net.Conn
	for range 3 {
		client, err := net.Dial("tcp", bound.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for range 3 {
		_ = held[0].Close() // the second is an error of the network, as it must be
	}
	if n := l.Open(); n != 2 {
		t.Errorf("%d connections counted, want 2", n)
	}
	for _, conn := range held {
		_ = conn.Close()
	}
	if n := l.Open(); n != 0 {
		t.Errorf("%d connections counted, want none", n)
	}
}
