package main

import (
	"fmt"
	"os"
	"strings"
)

// target is a package whose code is changed, and whose tests should notice.
type target struct {
	dir   string
	tests []string
}

// readTargets reads targets.txt: "folder: packages", a line each; # begins a comment.
func readTargets(file string) ([]target, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []target
	for i, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		dir, tests, ok := strings.Cut(line, ":")
		t := target{dir: dir, tests: strings.Fields(tests)}
		if !ok || len(t.tests) == 0 {
			return nil, fmt.Errorf("%s:%d: want: folder: packages whose tests cover it", file, i+1)
		}
		for i, pkg := range t.tests {
			if pkg == "." {
				t.tests[i] = "./" + dir
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// change is a mutant as equivalent.txt names it: by what stands there, so that it survives other lines' changes.
type change struct{ file, was, is string }

// readEquivalent reads equivalent.txt: blocks of file, line, changed line and reason.
func readEquivalent(file string) (map[change]bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	out := map[change]bool{}
	var block []string
	for i, line := range strings.Split(string(text)+"\n", "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
		case line != "":
			block = append(block, line)
		case len(block) == 4:
			out[change{block[0], block[1], block[2]}] = true
			block = nil
		case len(block) != 0:
			return nil, fmt.Errorf("%s:%d: want four lines: file, line, changed line, reason", file, i)
		}
	}
	return out, nil
}
