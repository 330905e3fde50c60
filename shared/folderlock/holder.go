package folderlock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Holder says whether a process holds the folder, and which (0 when it hasn't
// written its id yet). It takes nothing, and leaves nothing behind. Error: the
// file is there and can't be read.
func Holder(folder string) (pid int, held bool, err error) {
	f, err := os.Open(filepath.Join(folder, file))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer f.Close() // and with it the lock that was only tried
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
		return 0, false, err
	}
	return holderOf(f), true, nil
}
