package clock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"centinela/shared/fault"
)

// maxTravel bounds one step and the whole offset; it keeps tokens' and
// certificates' times representable.
const maxTravel = 10 * 365 * 24 * time.Hour

// ErrTravel refuses a step back (sessions and waits would see time run
// backwards) and a step or a sum over ten years.
var ErrTravel = fault.New(fault.KindInvalid, fault.CodeInvalidField, "the clock moves forward only, and at most ten years (87600h) in all")

// Travelled is the development clock: the machine's time plus an offset that
// lives in a file, so that every process that opened the file moves together
// and a restart doesn't fall back. It is safe for concurrent use.
type Travelled struct {
	path string

	mu     sync.Mutex
	seen   time.Time // mtime of the version that offset was read from
	offset time.Duration
}

// OpenTravelled reads the offset in path; a missing file is no offset. A file
// that holds no duration is an error.
func OpenTravelled(path string) (*Travelled, error) {
	c := &Travelled{path: path}
	offset, seen, err := readOffset(path)
	if err != nil {
		return nil, err
	}
	c.offset, c.seen = offset, seen
	return c, nil
}

// Now is the machine's time plus the offset. It costs one stat. A file that
// vanished, was damaged or was set back after the opening leaves the last good
// offset in force: a clock has nobody to tell, and must not jump back.
func (c *Travelled) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if info, err := os.Stat(c.path); err == nil && !info.ModTime().Equal(c.seen) {
		if offset, seen, err := readOffset(c.path); err == nil {
			c.offset, c.seen = max(c.offset, offset), seen
		}
	}
	return whole(time.Now().Add(c.offset))
}

// Advance adds d to the offset for every process on the file, and returns the
// new time. Steps that processes make at once add up. Errors: ErrTravel, and
// what the file system says.
func (c *Travelled) Advance(d time.Duration) (time.Time, error) {
	if d < 0 || d > maxTravel {
		return time.Time{}, ErrTravel
	}
	err := c.add(d)
	return c.Now(), err
}

func (c *Travelled) add(d time.Duration) error {
	lock, err := os.OpenFile(c.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("clock: open the lock: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("clock: lock %s: %w", lock.Name(), err)
	}
	offset, seen, err := readOffset(c.path)
	if err != nil {
		return err
	}
	offset = max(offset, c.Offset()) // the file may have been deleted under us
	if offset+d > maxTravel {
		return ErrTravel
	}
	return writeOffset(c.path, offset+d, seen)
}

func readOffset(path string) (time.Duration, time.Time, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("clock: open the offset: %w", err)
	}
	defer file.Close()
	info, err := file.Stat() // of the version that is read, not of its successor
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("clock: stat the offset: %w", err)
	}
	body := make([]byte, 64)
	n, err := file.Read(body)
	if err != nil && n == 0 && info.Size() > 0 {
		return 0, time.Time{}, fmt.Errorf("clock: read the offset: %w", err)
	}
	offset, err := time.ParseDuration(strings.TrimSpace(string(body[:n])))
	if err != nil || offset < 0 || offset > maxTravel {
		return 0, time.Time{}, fmt.Errorf("clock: %s doesn't hold a duration from 0s to %s: delete it to return to the real time", path, maxTravel)
	}
	return offset, info.ModTime(), nil
}

// writeOffset replaces the file whole, by rename. Readers tell versions apart
// by mtime, and the kernel's is only as fine as its tick: two steps within one
// would look the same, so the mtime is set, and always later than the last.
func writeOffset(path string, offset time.Duration, last time.Time) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".clock-*")
	if err != nil {
		return fmt.Errorf("clock: write the offset: %w", err)
	}
	defer os.Remove(tmp.Name()) // fails after the rename, as it should
	_, err = tmp.WriteString(offset.String() + "\n")
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("clock: write the offset: %w", err)
	}
	stamp := time.Now()
	if !stamp.After(last) {
		stamp = last.Add(time.Microsecond)
	}
	if err := os.Chtimes(tmp.Name(), stamp, stamp); err != nil {
		return fmt.Errorf("clock: stamp the offset: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("clock: replace the offset: %w", err)
	}
	return nil
}

// Offset is how far the clock was moved.
func (c *Travelled) Offset() time.Duration {
	c.Now() // another process may have moved it
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offset
}
