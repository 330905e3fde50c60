package suite

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"centinela/shared/testkit"
)

// childEnv has this test's binary play a child: what it says is how.
const childEnv = "SUITE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "server": // ends when its standard input is closed
		fmt.Println("listening somewhere")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is closed
		os.Exit(0)
	case "parent": // starts a child and then doesn't care for it
		if err := os.Setenv(childEnv, "server"); err != nil {
			panic(err)
		}
		p, _, err := LaunchServer(os.Getenv("DIR"), "child", "listening ", os.Args[0])
		if err != nil {
			panic(err)
		}
		fmt.Println("child", p.cmd.Process.Pid)
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func awaitLog(t *testing.T, p *Process, word string) {
	t.Helper()
	testkit.Eventually(t, ReadyTime, func() (bool, string) { return strings.Contains(p.Log(), word), "log: " + p.Log() })
}

func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// A child that stops when it is asked to, with exit code 0, is no error; every other end is, with the end of its log.
func TestTerminate(t *testing.T) {
	for name, c := range map[string]struct{ script, says string }{
		"as asked":        {`trap 'exit 0' TERM; echo up >&2; while :; do sleep 0.01; done`, ""},
		"with a code":     {`trap 'echo it broke >&2; exit 3' TERM; echo up >&2; while :; do sleep 0.01; done`, "exit code 3; the end of its log:\nup\nit broke"},
		"ended by itself": {`echo up >&2; echo gone >&2`, "ended by itself; the end of its log:\nup\ngone"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Launch(t.TempDir(), "child", script(t, c.script))
			if err != nil {
				t.Fatal(err)
			}
			awaitLog(t, p, "up")
			if strings.Contains(c.says, "by itself") {
				<-p.Ended()
			}
			err = p.Terminate()
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%v, want %q", err, c.says)
			}
			if p.State() == nil {
				t.Error("it has no state")
			}
		})
	}
}

// A killed process is gone when Kill returns, and its successor's log stands behind its own.
func TestKillAndLog(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		p, err := Launch(dir, "child", script(t, fmt.Sprintf("echo life %d >&2; sleep 600 & wait", i)))
		if err != nil {
			t.Fatal(err)
		}
		awaitLog(t, p, fmt.Sprint("life ", i))
		if err := p.Kill(); err != nil {
			t.Fatal(err)
		}
		if status, ok := p.State().Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
			t.Errorf("it ended with %v", p.State())
		}
		if err := p.Kill(); err != nil {
			t.Errorf("killed again: %v", err)
		}
		if i == 1 && p.Log() != "life 0\nlife 1\n" {
			t.Errorf("log %q", p.Log())
		}
		if err := p.TrimLog(5); err != nil || i == 1 && p.Log() != "" {
			t.Errorf("trimmed: %v %q", err, p.Log())
		}
		if i == 0 {
			if err := os.WriteFile(filepath.Join(dir, "child.log"), []byte("life 0\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A program that ends before it is ready, or says something else than where it serves, is an error and leaves nothing.
func TestThatNeverServes(t *testing.T) {
	p, err := Launch(t.TempDir(), "child", script(t, "echo no port >&2; exit 3"))
	if err != nil {
		t.Fatal(err)
	}
	ports, err := FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AwaitReady(t.Context(), ports[0]); err == nil || !strings.Contains(err.Error(), "no port") {
		t.Errorf("ready: %v", err)
	}
	if _, _, err := LaunchServer(t.TempDir(), "child", "listening ", script(t, "echo something else; read x")); err == nil {
		t.Error("it serves")
	}
	if _, err := Launch(t.TempDir(), "child", filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a program that isn't there was started")
	}
}

// A server ends with its standard input, so that it never outlives who started it.
func TestServerEndsWithItsInput(t *testing.T) {
	t.Setenv(childEnv, "server")
	p, said, err := LaunchServer(t.TempDir(), "child", "listening ", os.Args[0])
	if err != nil || said != "somewhere" {
		t.Fatalf("%q, %v", said, err)
	}
	if err := p.Terminate(); err != nil {
		t.Error(err)
	}
}

// A process whose parent is killed is ended by the kernel.
func TestNoOrphans(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), childEnv+"=parent", "DIR="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "child %d\n", &pid); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	testkit.Eventually(t, StopTime, func() (bool, string) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z "), "the child goes on: " + string(stat) // a zombie waits for whoever inherits it
	})
}

// A developer's own settings reach no child.
func TestEnvironment(t *testing.T) {
	t.Setenv("CENTINELA_GATEWAY_LISTEN", "y")
	t.Setenv("OTHER", "z")
	if env := environment(); slices.Contains(env, "CENTINELA_GATEWAY_LISTEN=y") || !slices.Contains(env, "OTHER=z") {
		t.Error(env)
	}
}

// A sub-command's exit code is an answer; one that doesn't end is an error.
func TestRun(t *testing.T) {
	if out, code, err := Run(t.Context(), script(t, "echo said; echo and >&2; exit 7")); err != nil || code != 7 || out != "said\nand\n" {
		t.Errorf("%q, %d, %v", out, code, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Run(ctx, script(t, "exit 0")); err == nil {
		t.Error("a command was run for nobody")
	}
}

func TestFreePortsDiffer(t *testing.T) {
	ports, err := FreePorts(8)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(ports); len(slices.Compact(ports)) != 8 {
		t.Error(ports)
	}
}

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
	found, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Name: "self", cmd: &exec.Cmd{Process: found}}
	if bytes, err := p.Resident(); err != nil || bytes < 1<<20 {
		t.Errorf("resident %v, %v", bytes, err)
	}
	if _, err := p.CPU(); err != nil {
		t.Error(err)
	}
}
