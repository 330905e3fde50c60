package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A product that can't start is an error with the end of its log, and leaves no folder; how a suite ends with its
// input, the pages' tests show.
func TestABrokenProduct(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("#!/bin/sh\necho it is broken >&2\nexit 3\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := serve(t.Context(), broken, nil, strings.NewReader(""), &out); err == nil || !strings.Contains(err.Error(), "it is broken") || out.Len() > 0 {
		t.Errorf("%v, %q", err, &out)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
