package folderlock

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// file is the name of the lock file in the folder.
const file = "centinela.lock"

// maxPID is more digits than a process id has, with the line's end.
const maxPID = 16

// ErrHeld is in the error of a folder that another process uses.
var ErrHeld = errors.New("the data folder is in use")

// Lock is a folder that this process holds.
type Lock struct{ held *os.File }

// Take locks the folder, which it makes (0700) when it isn't there, without
// waiting. A second Take is refused in the same process as well. Errors are one
// line and say what to do: [ErrHeld] with the holder's process id, or why the
// file can't be written.
func Take(folder string) (*Lock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder %s: %w (set data_dir elsewhere)", folder, reason(err))
	}
	f, err := os.OpenFile(filepath.Join(folder, file), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the data folder %s: %w (make it writable for this user or set data_dir elsewhere)", folder, reason(err))
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(refused(folder, f, err), f.Close())
	}
	if err := errors.Join(f.Truncate(0), write(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock the data folder %s: %w", folder, reason(err)), f.Close())
	}
	return &Lock{f}, nil
}

func write(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func refused(folder string, f *os.File, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("cannot lock the data folder %s: %w", folder, err)
	}
	holder := "another process"
	if pid := holderOf(f); pid > 0 {
		holder = fmt.Sprintf("process %d", pid)
	}
	return fmt.Errorf("%w by %s: %s (stop that one, or set data_dir elsewhere)", ErrHeld, holder, folder)
}

// holderOf is 0 in the moment between the holder's lock and its writing.
func holderOf(f *os.File) int {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxPID))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// Release lets another process take the folder. The file stays: removing it would
// let two processes lock two files of one name.
func (l *Lock) Release() error { return l.held.Close() }

// reason drops the path that os errors repeat.
func reason(err error) error {
	if withPath, ok := errors.AsType[*fs.PathError](err); ok {
		return withPath.Err
	}
	return err
}

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
