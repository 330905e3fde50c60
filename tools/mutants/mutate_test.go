package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const before = `package p

import "errors"

const limit, retryPause = 3, 7

var errLimit = errors.New("limit")

func check(n int, known bool) error {
	if known {
		return nil
	}
	if n >= limit && n < 10 {
		return errLimit
	}
	if err := other(n); err != nil {
		return err
	}
	err := other(n)
	if err != nil {
		return err
	}
	forget(n)
	log.Print(n)
	if n < 4 {
		log.Print("few")
	}
	retryPause := 60
	n++
	return nil
}

func even(n int) bool { return true }
`

// What a slip of the hand makes of a file: each of these, and nothing of the plumbing.
func TestMutantsIn(t *testing.T) {
	found, err := mutantsIn("p.go", []byte(before))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range found {
		got = append(got, m.was+" -> "+m.is)
	}
	for _, want := range []string{
		"const limit, retryPause = 3, 7 -> const limit, retryPause = 4, 7",
		"if known { -> if !(known) {",
		"if known { -> if false && (known) {",
		"if n >= limit && n < 10 { -> if n > limit && n < 10 {",
		"if n >= limit && n < 10 { -> if n >= limit || n < 10 {",
		"if n >= limit && n < 10 { -> if n >= limit && n <= 10 {",
		"if n >= limit && n < 10 { -> if n >= limit && n < 11 {",
		"if n >= limit && n < 10 { -> if n >= limit && n < 9 {",
		"if n >= limit && n < 10 { -> if false && (n >= limit && n < 10) {",
		"return errLimit -> return nil",
		"if err := other(n); err != nil { -> if err := other(n); err == nil {",
		"if err := other(n); err != nil { -> if err := other(n); false && (err != nil) {",
		"if err != nil { -> if err == nil {",
		"forget(n) -> (nothing)",
		"n++ -> (nothing)",
		"func even(n int) bool { return true } -> func even(n int) bool { return false }",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nobody makes %q", want)
		}
	}
	for _, m := range found {
		if strings.Contains(m.was, "log.") || strings.Contains(m.was, "n < 4") || m.was == "return err" || strings.Contains(m.was, "60") || m.was == "if err != nil {" && strings.Contains(m.is, "false &&") {
			t.Errorf("plumbing: %s", m)
		}
	}
}

// inModule makes a module in a folder and works there; weak tests miss the border of a check.
func inModule(t *testing.T, test string) (lists string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":               "module toy\n\ngo 1.26\n",
		"door/door.go":         "package door\n\nfunc Open(n int) bool { return n < 3 }\n",
		"door/door_test.go":    "package door\n\nimport \"testing\"\n\nfunc TestOpen(t *testing.T) {\n" + test + "}\n",
		"lists/targets.txt":    "# a comment\ndoor: .\n",
		"lists/equivalent.txt": "# none yet\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return filepath.Join(dir, "lists")
}

// A test that tries both sides of a border kills everything there; one that doesn't lets something live, which is an
// error unless it is listed; and the tree stays as it was.
func TestRun(t *testing.T) {
	ctx := context.Background()
	strong := inModule(t, "\tif !Open(2) || Open(3) {\n\t\tt.Error()\n\t}\n")
	for seed := range uint64(4) { // the line has more than one mutant
		if err := run(ctx, 10, seed, "", strong); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	weak := inModule(t, "\tif !Open(1) || Open(9) {\n\t\tt.Error()\n\t}\n")
	if err := run(ctx, 10, 1, "", weak); err == nil || !strings.Contains(err.Error(), "0.0 % killed") {
		t.Errorf("a survivor is no error: %v", err)
	}
	targets, err := readTargets(filepath.Join(weak, "targets.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := sample(targets, regexp.MustCompile(""), 1)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	list := strings.Join([]string{all[0].file, all[0].was, all[0].is, "because", ""}, "\n")
	if err := os.WriteFile(filepath.Join(weak, "equivalent.txt"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(ctx, 10, 1, "", weak); err == nil || !strings.Contains(err.Error(), "no mutant was judged") {
		t.Errorf("a listed one was judged: %v", err)
	}
	text, err := os.ReadFile("door/door.go")
	if err != nil || !strings.Contains(string(text), "n < 3") {
		t.Errorf("the tree was changed: %s %v", text, err)
	}
	broken := inModule(t, "\tt.Error(\"broken\")\n")
	if err := run(ctx, 10, 1, "", broken); err == nil || !strings.Contains(err.Error(), "fail without a mutant") {
		t.Errorf("tests that fail anyway kill: %v", err)
	}
}

// Lists that say something else than they should are told with their line.
func TestBrokenLists(t *testing.T) {
	lists := inModule(t, "")
	for name, text := range map[string]string{"targets.txt": "door\n", "equivalent.txt": "door/door.go\none line\n\n"} {
		path := filepath.Join(lists, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(context.Background(), 1, 1, "", lists); err == nil || !strings.Contains(err.Error(), name+":") {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run(context.Background(), 1, 1, "(", lists); err == nil {
		t.Error("a broken -only")
	}
}
