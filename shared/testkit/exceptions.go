package testkit

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// Exceptions are the statements of a store that may break a rule, with the reasons.
type Exceptions struct {
	file    string
	reasons map[string]string
}

// ReadExceptions reads a file ("" for none): a comment with the reason ("-- …" or
// "# …"), then what it allows, a line each, its white space folded, up to an empty line.
// Errors: the file can't be read, or a line has no reason.
func ReadExceptions(file string) (Exceptions, error) {
	e := Exceptions{file: file, reasons: map[string]string{}}
	if file == "" {
		return e, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return e, err
	}
	reason := ""
	for line := range strings.Lines(string(content)) {
		line = Folded(line)
		switch {
		case line == "":
			reason = ""
		case strings.HasPrefix(line, "--"), strings.HasPrefix(line, "#"):
			reason += strings.TrimLeft(line, "-# ")
		case reason == "":
			return e, fmt.Errorf("%s: no reason stands above %s", file, line)
		default:
			e.reasons[line] = reason
		}
	}
	return e, nil
}

// Report fails the test for each statement with something wrong that isn't an
// exception, and for each exception that isn't needed any more.
func (e Exceptions) Report(t testing.TB, wrong map[string]string) {
	t.Helper()
	for _, text := range slices.Sorted(maps.Keys(wrong)) {
		if e.reasons[text] == "" {
			t.Errorf("%s\n\t%s\n\tGive it an index, an order or a LIMIT; where that can't be, put it under its reason into the list of exceptions (%q).", text, wrong[text], e.file)
		}
	}
	if run := flag.Lookup("test.run"); run != nil && strings.Contains(run.Value.String(), "/") {
		return // a part of the tests executes a part of the statements
	}
	for _, text := range slices.Sorted(maps.Keys(e.reasons)) {
		if wrong[text] == "" {
			t.Errorf("%s lists what isn't executed, or has nothing to be allowed any more: take it off\n\t%s", e.file, text)
		}
	}
}

// Folded is text on one line, with single spaces.
func Folded(text string) string { return strings.Join(strings.Fields(text), " ") }
