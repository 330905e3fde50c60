package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// judge runs tests on mutants.
type judge struct {
	usual map[string]time.Duration // how long a package's tests take without a mutant
}

// judge says killed, SURVIVED, or invalid when the mutant doesn't compile. The package's own tests come first: they are
// the quickest.
func (j *judge) judge(ctx context.Context, m mutant) (string, error) {
	dir, err := os.MkdirTemp("", "centinela-mutant-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the temporary folder hurts nobody
	overlay, err := m.overlay(dir)
	if err != nil {
		return "", err
	}
	for _, pkg := range m.tests {
		limit, err := j.limit(ctx, pkg)
		if err != nil {
			return "", err
		}
		said, err := test(ctx, pkg, "-failfast", "-timeout", limit.String(), "-overlay", overlay)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case strings.Contains(said, "[build failed]"), strings.Contains(said, "[setup failed]"):
			return "invalid", nil
		case err != nil:
			return "killed", nil
		}
	}
	return "SURVIVED", nil
}

// limit is how long a package's tests may take with a mutant, which is killed when it never ends: several times as long
// as without. They must pass without.
func (j *judge) limit(ctx context.Context, pkg string) (time.Duration, error) {
	if j.usual[pkg] == 0 {
		began := time.Now()
		if said, err := test(ctx, pkg); err != nil {
			return 0, fmt.Errorf("the tests of %s fail without a mutant: %w\n%s", pkg, err, said)
		}
		j.usual[pkg] = time.Since(began) // the build too: it is generous
	}
	return 30*time.Second + 3*j.usual[pkg], nil
}

func test(ctx context.Context, pkg string, flags ...string) (said string, err error) {
	args := append([]string{"test", "-vet=off", "-count=1"}, flags...)
	out, err := exec.CommandContext(ctx, "go", append(args, pkg)...).CombinedOutput()
	return string(out), err
}

// overlay writes what `go test -overlay` takes.
func (m mutant) overlay(dir string) (string, error) {
	text, err := m.source()
	if err != nil {
		return "", err
	}
	whole, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	changed, list := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{whole: changed}})
	if err != nil {
		return "", err
	}
	return list, errors.Join(os.WriteFile(changed, text, 0o600), os.WriteFile(list, replace, 0o600))
}
