package main

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"centinela/deploy/suite"
)

func TestLiveBytes(t *testing.T) {
	const profile = "heap profile: 1: 2 [3: 4] @ heap/1048576\n# runtime.MemStats\n# Alloc = 1\n# HeapAlloc = 2048\n# Stack = 1024 / 65536\n"
	if got, err := liveBytes(profile); err != nil || got != 3072 {
		t.Errorf("%v, %v; want 3072", got, err)
	}
	if _, err := liveBytes("# HeapAlloc = 2048\n"); err == nil {
		t.Error("a profile without stacks is read")
	}
}

// A baseline says where it listens, answers, and ends when its stdin is closed: so it never outlives this program.
func TestServeEndsWithItsParent(t *testing.T) {
	in, parent := io.Pipe()
	said, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(context.Background(), []string{"hash"}, in, out) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), listening)
	if err != nil || !ok || !strings.HasPrefix(address, "127.0.0.1:") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := (server{address: address}).ask(t.Context(), 0, new(int)); err == nil {
		t.Error("no hash at all was accepted")
	}
	parent.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(suite.StopTime):
		t.Fatal("the baseline goes on")
	}
	if err := serve(t.Context(), []string{"nothing"}, in, io.Discard); err == nil {
		t.Error("an unknown baseline runs")
	}
}
