package verdicts

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// compactAfter is how many deltas the file holds behind its snapshot before it is written anew.
const compactAfter = 10_000

// journal is the copy on disk: JSON lines, a snapshot and the deltas after it. A change appends a line; to write a
// million verdicts for each would take seconds. It isn't synced: after a power cut audit has what is missing.
type journal struct {
	path  string
	file  *os.File
	lines int
}

func (j *journal) restore(apply func(Delta)) error {
	if j.path == "" {
		return nil
	}
	file, err := os.Open(j.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("verdicts: open the copy: %w", err)
	}
	defer file.Close()
	decoder := json.NewDecoder(bufio.NewReader(file))
	for {
		var delta Delta
		if err := decoder.Decode(&delta); err != nil {
			return nil // the end, or a line that a crash cut off: see Restore
		}
		apply(delta)
	}
}

// append writes a change behind the others; a snapshot starts the file anew, and so does a file that grew long.
func (j *journal) append(delta Delta, all func() []Verdict) error {
	if j.path == "" {
		return nil
	}
	if delta.Snapshot || j.file == nil || j.lines >= compactAfter {
		return j.rewrite(Delta{Version: delta.Version, Snapshot: true, Verdicts: all()})
	}
	line, err := json.Marshal(delta)
	if err != nil {
		return fmt.Errorf("verdicts: encode a change: %w", err)
	}
	j.lines++
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		j.close() // the next change writes all of it anew
		return fmt.Errorf("verdicts: write the copy: %w", err)
	}
	return nil
}

func (j *journal) rewrite(snapshot Delta) error {
	j.close()
	file, err := os.CreateTemp(filepath.Dir(j.path), ".verdicts-*")
	if err != nil {
		return fmt.Errorf("verdicts: write the copy: %w", err)
	}
	out := bufio.NewWriter(file)
	if err := errors.Join(json.NewEncoder(out).Encode(snapshot), out.Flush()); err != nil {
		return fmt.Errorf("verdicts: write the copy: %w", errors.Join(err, file.Close(), os.Remove(file.Name())))
	}
	if err := os.Rename(file.Name(), j.path); err != nil {
		return fmt.Errorf("verdicts: replace the copy: %w", errors.Join(err, file.Close(), os.Remove(file.Name())))
	}
	j.file, j.lines = file, 0
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close() // every line was written already; nothing is buffered
		j.file = nil
	}
}
