package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	folderPattern = "centinela-testmongo-"
	sweepAge      = time.Minute
)

// folder is a temporary folder that is locked while its owner lives, so that
// the next start can tell a left-over (after SIGKILL) from one in use.
type folder struct {
	path string
	lock *os.File
}

// claimFolder makes a locked folder, in memory where the machine has /dev/shm,
// and first removes those that a killed process left behind.
func claimFolder() (*folder, error) {
	base := os.TempDir()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		base = "/dev/shm"
	}
	sweep(base)
	path, err := os.MkdirTemp(base, folderPattern+"*")
	if err != nil {
		return nil, err
	}
	lock, err := tryLock(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), os.RemoveAll(path))
	}
	return &folder{path: path, lock: lock}, nil
}

func (f *folder) remove() {
	if err := os.RemoveAll(f.path); err != nil {
		fmt.Fprintln(os.Stderr, "testmongo: left behind:", err)
	}
	// The lock's file is gone with the folder; closing can't lose anything.
	_ = f.lock.Close()
}

// sweep removes left-over folders that are old enough not to be somebody's
// between MkdirTemp and the lock.
func sweep(base string) {
	paths, err := filepath.Glob(filepath.Join(base, folderPattern+"*"))
	if err != nil {
		return // only a malformed pattern, which this one isn't
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < sweepAge {
			continue
		}
		lock, err := tryLock(path)
		if err != nil {
			continue // in use
		}
		(&folder{path: path, lock: lock}).remove()
	}
}

func tryLock(path string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("in use: %w", err), file.Close())
	}
	return file, nil
}
