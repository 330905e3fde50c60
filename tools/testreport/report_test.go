package main

import (
	"strings"
	"testing"
)

const passing = `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"noise of a pass\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
`

// TestReport (architecture.md "No skipped case"): what passes, what fails, and what is printed of it.
func TestReport(t *testing.T) {
	tests := []struct {
		name   string
		stream string
		ok     bool
		prints []string
		hides  string
	}{
		{
			name: "all pass", ok: true, hides: "noise of a pass",
			stream: passing + `{"Action":"pass","Package":"p","Elapsed":0.2}`,
			prints: []string{"ok    p", "1 passed, 0 failed, 0 skipped"},
		},
		{
			name: "a failure is shown whole",
			stream: passing + `{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestB","Output":"first line\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"last line\n"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"output","Package":"p","Output":"FAIL\n"}
{"Action":"fail","Package":"p"}`,
			prints: []string{"first line\nlast line\n", "FAILED p TestB", "1 passed, 1 failed, 0 skipped"},
		},
		{
			name: "a skip is no pass",
			stream: passing + `{"Action":"run","Package":"p","Test":"TestC"}
{"Action":"output","Package":"p","Test":"TestC","Output":"    c_test.go:9: no mongod\n"}
{"Action":"skip","Package":"p","Test":"TestC"}
{"Action":"pass","Package":"p"}`,
			prints: []string{"SKIPPED p TestC: c_test.go:9: no mongod", "1 passed, 0 failed, 1 skipped"},
		},
		{
			name: "a package without tests", ok: true,
			stream: passing + `{"Action":"pass","Package":"p"}` + "\n" + `{"Action":"start","Package":"q"}` + "\n" + `{"Action":"skip","Package":"q"}`,
			prints: []string{"1 passed, 0 failed, 0 skipped"},
		},
		{
			name:   "a build failure",
			stream: passing + `{"ImportPath":"q","Action":"build-output","Output":"q.go:1: undefined: x\n"}` + "\n" + `{"ImportPath":"q","Action":"build-fail"}`,
			prints: []string{"does not build: q", "q.go:1: undefined: x"},
		},
		{
			name: "a package that dies without a failed test",
			stream: `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: boom\n"}
{"Action":"output","Package":"p","Output":"exit status 2\n"}
{"Action":"fail","Package":"p"}`,
			prints: []string{"exit status 2", "CUT OFF p TestA\npanic: boom", "0 passed, 1 failed"},
		},
		{name: "a stream that is cut", stream: passing, prints: []string{"NEVER ENDED p", "1 passed, 1 failed"}},
		{name: "nothing", stream: "", prints: []string{"no test passed", "0 passed, 0 failed, 0 skipped"}},
		{name: "a line that isn't JSON", stream: "go: cannot find module\n", prints: []string{"go: cannot find module"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			if err := r.read(strings.NewReader(tt.stream)); err != nil {
				t.Fatal(err)
			}
			if ok := r.finish(); ok != tt.ok {
				t.Errorf("ok %v, want %v:\n%s", ok, tt.ok, out.String())
			}
			for _, want := range tt.prints {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			if tt.hides != "" && strings.Contains(out.String(), tt.hides) {
				t.Errorf("%q shows in:\n%s", tt.hides, out.String())
			}
			if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); !strings.HasSuffix(lines[len(lines)-1], " skipped") {
				t.Errorf("the last line is %q", lines[len(lines)-1])
			}
		})
	}
}
