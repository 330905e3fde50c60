package folderlock_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"centinela/shared/folderlock"
)

const childFolder = "FOLDERLOCK_TEST_FOLDER"

// holder starts a process that holds the folder until it is killed.
func holder(t *testing.T, folder string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHold$")
	cmd.Env = append(os.Environ(), childFolder+"="+folder)
	in, err := cmd.StdinPipe() // closed with this process, which ends the child
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the holder says %q, %v", line, err)
	}
	return cmd
}

// TestHold is the holder.
func TestHold(t *testing.T) {
	folder := os.Getenv(childFolder)
	if folder == "" {
		folder = t.TempDir()
	}
	lock, err := folderlock.Take(folder)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(childFolder) != "" {
		fmt.Println("held")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// AG W8: a second process is told in one line who holds the folder and what to do; kill -9 leaves nothing behind.
func TestSecondProcess(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	first := holder(t, folder)
	_, err := folderlock.Take(folder)
	if !errors.Is(err, folderlock.ErrHeld) {
		t.Fatalf("error %v", err)
	}
	for _, part := range []string{fmt.Sprintf("process %d", first.Process.Pid), folder, "data_dir"} {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q doesn't say %q in one line", err, part)
		}
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	lock, err := folderlock.Take(folder)
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	if _, err := folderlock.Take(folder); !errors.Is(err, folderlock.ErrHeld) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("twice in one process: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
	lock, err = folderlock.Take(folder)
	if err != nil {
		t.Fatalf("after Release: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// A folder that can't be made or a file that can't be opened is said in one line.
func TestNotPossible(t *testing.T) {
	folder := t.TempDir()
	plain := filepath.Join(folder, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "centinela.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, where := range map[string]string{"no folder": filepath.Join(plain, "data"), "no file": folder} {
		if _, err := folderlock.Take(where); err == nil || errors.Is(err, folderlock.ErrHeld) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "data_dir") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
