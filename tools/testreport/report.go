package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action, Package, Test, Output string
	ImportPath                    string // of build-output and build-fail
	Elapsed                       float64
}

// key names a test; the empty test is its package.
type key struct{ pkg, test string }

type report struct {
	out io.Writer

	output         map[key][]string    // of what hasn't ended
	running        map[key]bool        // what hasn't ended
	broken         map[string]bool     // packages with a failed test
	build          map[string][]string // compiler's words, by import path
	passed, failed int
	skips          []string
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[key][]string{}, running: map[key]bool{}, broken: map[string]bool{}, build: map[string][]string{}}
}

// read takes the stream to its end; what is no JSON is passed on.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20) // a line holds a line of output
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

// take notes one event.
func (r *report) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "start", "run":
		r.running[k] = true
	case "output":
		r.output[k] = append(r.output[k], e.Output)
	case "build-output":
		r.build[e.ImportPath] = append(r.build[e.ImportPath], e.Output)
	case "build-fail":
		r.failed++
		fmt.Fprintf(r.out, "--- does not build: %s\n%s", e.ImportPath, strings.Join(r.build[e.ImportPath], ""))
	case "pass", "fail", "skip":
		r.end(k, e)
		delete(r.running, k)
		delete(r.output, k)
	}
}

func (r *report) end(k key, e event) {
	if k.test == "" {
		r.endPackage(k, e)
		return
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.broken[k.pkg] = true
		fmt.Fprintf(r.out, "--- FAILED %s %s\n%s", k.pkg, k.test, strings.Join(r.output[k], ""))
	case "skip":
		r.skip(k)
	}
}

// endPackage prints a line. The package's own output matters when it failed
// without a failed test: a panic in TestMain, a leak, a timeout, os.Exit.
func (r *report) endPackage(k key, e event) {
	switch e.Action {
	case "pass":
		fmt.Fprintf(r.out, "ok    %-50s %6.1f s\n", k.pkg, e.Elapsed)
	case "fail":
		if !r.broken[k.pkg] {
			r.failed++
			fmt.Fprintf(r.out, "--- FAILED %s\n%s", k.pkg, strings.Join(r.output[k], ""))
			r.dropRunning(k.pkg)
		}
		fmt.Fprintf(r.out, "FAIL  %-50s %6.1f s\n", k.pkg, e.Elapsed)
	}
}

// dropRunning prints the tests that were cut off when their package died, whose output tells why.
func (r *report) dropRunning(pkg string) {
	for _, k := range r.unfinished() {
		if k.pkg == pkg && k.test != "" {
			fmt.Fprintf(r.out, "--- CUT OFF %s %s\n%s", k.pkg, k.test, strings.Join(r.output[k], ""))
			delete(r.running, k)
		}
	}
}

// skip lists a skipped test with what it said.
func (r *report) skip(k key) {
	var reason []string
	for _, line := range r.output[k] {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			reason = append(reason, line)
		}
	}
	r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", k.pkg, k.test, strings.Join(reason, " ")))
}

func (r *report) unfinished() []key {
	var out []key
	for k := range r.running {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b key) int { return strings.Compare(a.pkg+" "+a.test, b.pkg+" "+b.test) })
	return out
}

// finish prints the end and reports whether all is well.
func (r *report) finish() bool {
	for _, k := range r.unfinished() {
		r.failed++
		fmt.Fprintf(r.out, "--- NEVER ENDED %s %s\n%s", k.pkg, k.test, strings.Join(r.output[k], ""))
	}
	for _, line := range r.skips {
		fmt.Fprintln(r.out, "--- SKIPPED", line)
	}
	if r.passed == 0 {
		fmt.Fprintln(r.out, "no test passed")
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
	return r.failed == 0 && len(r.skips) == 0 && r.passed > 0
}
