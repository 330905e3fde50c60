package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	// The name of a process may hold blanks and brackets.
	const stat = "4711 (a ) R (b) S 1 2 3 4 5 6 7 8 9 10 123 45 0 0 20 0 1 0 99 1 2\n"
	if got, err := parseStat(stat); err != nil || got != 1680*time.Millisecond {
		t.Errorf("%v, %v; want 1.68s", got, err)
	}
	for _, broken := range []string{"", "1 (x", "1 (x) S 1 2", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a b 0"} {
		if got, err := parseStat(broken); err == nil {
			t.Errorf("%q gives %v", broken, got)
		}
	}
}

// The numbers of a living process can be read: this one's.
func TestOwnProcess(t *testing.T) {
	p := &process{name: "self"}
	p.cmd = commandOf(t, os.Getpid())
	if bytes, err := p.resident(); err != nil || bytes < 1<<20 {
		t.Errorf("resident %v, %v", bytes, err)
	}
	if _, err := cpuOf(p, p); err != nil {
		t.Error(err)
	}
}

func TestLiveBytes(t *testing.T) {
	const profile = "heap profile: 1: 2 [3: 4] @ heap/1048576\n# runtime.MemStats\n# Alloc = 1\n# HeapAlloc = 2048\n# Stack = 1024 / 65536\n"
	if got, err := liveBytes(profile); err != nil || got != 3072 {
		t.Errorf("%v, %v; want 3072", got, err)
	}
	if _, err := liveBytes("# HeapAlloc = 2048\n"); err == nil {
		t.Error("a profile without stacks is read")
	}
}

// A developer's own settings don't change what is measured.
func TestWithoutSettings(t *testing.T) {
	got := withoutSettings([]string{"PATH=/bin", "CENTINELA_DATA=/x", "CENTINELA_GATEWAY__LISTEN=y", "HOME=/root"})
	if !slices.Equal(got, []string{"PATH=/bin", "HOME=/root"}) {
		t.Error(got)
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
	if err := postJSON(t.Context(), fmt.Sprintf("http://%s/?n=0", address), new(int)); err == nil {
		t.Error("no hash at all was accepted")
	}
	parent.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the baseline goes on")
	}
	if err := serve(t.Context(), []string{"nothing"}, in, io.Discard); err == nil {
		t.Error("an unknown baseline runs")
	}
}

func TestFreePortsDiffer(t *testing.T) {
	ports, err := freePorts(8)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(ports); len(slices.Compact(ports)) != 8 {
		t.Error(ports)
	}
}
