package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// The committed table is what the data give.
func TestTableIsCurrent(t *testing.T) {
	out := filepath.Join(t.TempDir(), "table.gen.go")
	if err := run("identifier-status-allowed.tsv", "confusables.tsv.gz", out); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../table.gen.go")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("table.gen.go is not what gen makes: run `go generate` in services/auth/internal/name (%v)", err)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"no tab": "41 5A\n", "no number": "41\tZZ\n", "nothing": "41\t\n"} {
		file := filepath.Join(dir, "allowed.tsv")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(file, "confusables.tsv.gz", filepath.Join(dir, "out")); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
