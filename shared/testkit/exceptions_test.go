package testkit_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"centinela/shared/testkit"
)

// failures is a test that keeps them to itself.
type failures struct {
	testing.TB
	all []string
}

func (f *failures) Helper() {}
func (f *failures) Errorf(text string, args ...any) {
	f.all = append(f.all, fmt.Sprintf(text, args...))
}

// An exception has a reason, is told apart by its text on one line, and is taken off when it isn't needed.
func TestExceptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "allowed.txt")
	for text, want := range map[string][]string{
		"-- a reason\nread   all\n":              nil,
		"# a reason\nread all\n":                 nil,
		"-- a\n-- reason\nread all\n\n":          nil,
		"-- a reason\nread all\nread none\n":     {"take it off\n\tread none"},
		"-- a reason\nread none\n":               {"read all\n\tno index", "take it off\n\tread none"},
		"":                                       {"read all\n\tno index"},
		"read all\n":                             {"no reason"},
		"-- of another\nread none\n\nread all\n": {"no reason"},
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var got failures
		exceptions, err := testkit.ReadExceptions(file)
		if err != nil {
			got.all = []string{err.Error()}
		} else {
			exceptions.Report(&got, map[string]string{"read all": "no index"})
		}
		if !slices.EqualFunc(got.all, want, strings.Contains) {
			t.Errorf("%q: %q, want %q", text, got.all, want)
		}
	}
	if _, err := testkit.ReadExceptions(file + "x"); err == nil {
		t.Error("no error for a file that isn't there")
	}
}
