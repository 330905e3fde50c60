package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/deploy/suite"
)

// Help says what there is; a mistake is told as one, before anything is started.
func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"help", []string{"--help"}, 0, append(names(), "-only", "-quick", "-binary", "-events", "-timeout")},
		{"unknown part", []string{"-only", "gateway,nothing"}, usageExit, []string{`"nothing"`, "sockets"}},
		{"unknown flag", []string{"-fast"}, usageExit, []string{"-fast"}},
		{"a word too many", []string{"gateway"}, usageExit, []string{`"gateway"`}},
		{"no such binary", []string{"-binary", filepath.Join(t.TempDir(), "none"), "-only", "start"}, 1, []string{"none"}},
		{"no baseline", []string{serveCommand}, 1, []string{"which"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			if code := run(t.Context(), c.args, &out, &errOut); code != c.code {
				t.Errorf("exit code %d, want %d: %s", code, c.code, &errOut)
			}
			for _, word := range c.says {
				if !strings.Contains(errOut.String(), word) {
					t.Errorf("says nothing of %q: %s", word, &errOut)
				}
			}
		})
	}
}

func TestChoose(t *testing.T) {
	got, err := choose("chat,gateway")
	if err != nil || len(got) != 2 || got[0].name != "gateway" || got[1].name != "chat" {
		t.Errorf("%v, %v: want gateway, then chat", got, err)
	}
	if got, err := choose(""); err != nil || len(got) != len(parts) {
		t.Errorf("%d parts, %v", len(got), err)
	}
}

// A binary that can't do what is asked breaks the run: exit code 1 with the end of its log, nothing left behind.
func TestABrokenSuite(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n[ \"$1\" = version ] && exit 0\necho it is broken >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out, errOut bytes.Buffer
	began := time.Now()
	if code := run(t.Context(), []string{"-binary", binary, "-only", "start"}, &out, &errOut); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(errOut.String(), "it is broken") {
		t.Errorf("the log isn't shown: %s", &errOut)
	}
	if time.Since(began) > suite.ReadyTime/2 {
		t.Error("it was waited for although it had ended")
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "centinela-bench-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
