package runner

import (
	"errors"
	"fmt"
	"path/filepath"

	"centinela/shared/folderlock"
)

// lockFolders takes the data folder of each target's part, or none: two processes
// on one folder would take each other's counters, verdicts and keys for their own
// (AG W8). Parts that run apart may share one data_dir.
func (c Config) lockFolders(targets []row) (release func() error, err error) {
	var locks []*folderlock.Lock
	release = func() error {
		var errs []error
		for _, l := range locks {
			errs = append(errs, l.Release())
		}
		return errors.Join(errs...)
	}
	for _, r := range targets {
		lock, err := folderlock.Take(filepath.Join(c.DataDir, r.name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("data_dir: %w", err), release())
		}
		locks = append(locks, lock)
	}
	return release, nil
}

// running names a process that runs one of the targets on this data folder, in
// words; "" for none.
func (c Config) running(targets []row) (string, error) {
	for _, r := range targets {
		pid, held, err := folderlock.Holder(filepath.Join(c.DataDir, r.name))
		if err != nil {
			return "", fmt.Errorf("data_dir: %w", err)
		}
		if held {
			return fmt.Sprintf("process %d runs %s on %s", pid, r.name, c.DataDir), nil
		}
	}
	return "", nil
}
