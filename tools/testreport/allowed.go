package main

import (
	"fmt"
	"os"
	"strings"
)

// allowance is one line of the file of -allow: "package test reason...". A test
// that ends in /... stands for all below it.
type allowance struct{ pkg, test string }

// readAllowed reads the file; an empty name is an empty list.
func readAllowed(name string) ([]allowance, error) {
	if name == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var out []allowance
	for i, line := range strings.Split(string(raw), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 3 {
			return nil, fmt.Errorf("%s:%d: want: package test reason", name, i+1)
		}
		out = append(out, allowance{pkg: words[0], test: words[1]})
	}
	return out, nil
}

// covers reports whether the test may be skipped.
func (a allowance) covers(pkg, test string) bool {
	if a.pkg != pkg {
		return false
	}
	if below, ok := strings.CutSuffix(a.test, "..."); ok {
		return strings.HasPrefix(test, below)
	}
	return a.test == test
}
