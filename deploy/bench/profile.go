package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// hashFunctions are argon2's own (a regular expression of pprof's -focus).
const hashFunctions = `^golang\.org/x/crypto/(argon2|blake2b)\.`

// accounted is what `go tool pprof -top` says of the samples that a focus left, and of all.
var accounted = regexp.MustCompile(`(?m)^Showing nodes accounting for (\d+), \S+ of (\d+) total`)

// samples counts the samples of a CPU profile that have a function which focus matches on their stack, and all of them.
// github.com/google/pprof reads it, as Go brings it along (`go tool pprof`): as a library it would be a dependency of
// the product's module, for a number in a table.
func (b *bench) samples(ctx context.Context, profile []byte, focus string) (matched, total float64, err error) {
	file := filepath.Join(b.dir, "samples.pprof")
	if err := os.WriteFile(file, profile, 0o600); err != nil {
		return 0, 0, err
	}
	cmd := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-symbolize=none", "-sample_index=samples", "-nodefraction=0", "-nodecount=1000000", "-focus="+focus, file)
	said, err := cmd.CombinedOutput()
	found := accounted.FindSubmatch(said)
	if err != nil || found == nil {
		return 0, 0, fmt.Errorf("go tool pprof: %w\n%.500s", err, said)
	}
	matched, _ = strconv.ParseFloat(string(found[1]), 64) // digits
	total, _ = strconv.ParseFloat(string(found[2]), 64)
	return matched, total, nil
}
