package folderlock_test

import (
	"os"
	"path/filepath"
	"testing"

	"centinela/shared/folderlock"
)

// Whoever only asks who holds a folder neither takes it nor makes it.
func TestHolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	if pid, held, err := folderlock.Holder(folder); pid != 0 || held || err != nil {
		t.Errorf("no folder: %d, %v, %v", pid, held, err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("asking made it: %v", err)
	}
	lock, err := folderlock.Take(folder)
	if err != nil {
		t.Fatal(err)
	}
	if pid, held, err := folderlock.Holder(folder); pid != os.Getpid() || !held || err != nil {
		t.Errorf("held by us: %d, %v, %v", pid, held, err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	if pid, held, err := folderlock.Holder(folder); pid != 0 || held || err != nil {
		t.Errorf("given back: %d, %v, %v", pid, held, err)
	}
	if lock, err = folderlock.Take(folder); err != nil {
		t.Fatalf("asking took it: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}
