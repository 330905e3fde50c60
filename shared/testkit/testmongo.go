package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// startTestmongo builds deploy/testmongo unless its sources are built already,
// and runs it.
func startTestmongo() (uri string, _ *child, _ error) {
	source, err := testmongoSource()
	if err != nil {
		return "", nil, err
	}
	program, err := builtTestmongo(source)
	if err != nil {
		return "", nil, err
	}
	return startChild(exec.Command(program))
}

// testmongoSource climbs from the test's folder to the module's root.
func testmongoSource() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		source := filepath.Join(dir, "deploy", "testmongo")
		if _, err := os.Stat(filepath.Join(source, "go.sum")); err == nil {
			return source, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("deploy/testmongo not found above the working folder")
		}
		dir = parent
	}
}

// builtTestmongo returns the program for exactly these sources. Test binaries
// run at the same time: one builds, the others wait on the lock.
func builtTestmongo(source string) (string, error) {
	sum, err := hashSources(source)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir() // no HOME: the build is kept at least until the next boot
	}
	cache = filepath.Join(cache, "centinela")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	lock, err := os.OpenFile(filepath.Join(cache, "testmongo.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	defer lock.Close() //nolint:errcheck // releases the lock; nothing was written
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %s: %w", lock.Name(), err)
	}
	program := filepath.Join(cache, "testmongo-"+sum)
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	return program, build(source, program)
}

// build writes beside and renames: a program that exists is whole.
func build(source, program string) error {
	fmt.Fprintln(os.Stderr, "testkit: building deploy/testmongo, once, about a minute")
	cmd := exec.Command("go", "build", "-o", program+".new", ".")
	cmd.Dir = source
	// The caller's build may run under other flags, a workspace, or race detection.
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", source, err, strings.TrimSpace(string(out)))
	}
	return os.Rename(program+".new", program)
}

func hashSources(source string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		if name := entry.Name(); filepath.Ext(name) != ".go" && name != "go.mod" && name != "go.sum" {
			return nil
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", entry.Name(), len(text))
		h.Write(text)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}
