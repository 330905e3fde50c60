package verdicts

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// compactAfter is how many changes the file holds behind its snapshot before it is written anew.
	compactAfter = 10_000
	// tooOld: a copy that no running service vouched for within this time may lack verdicts that came later.
	tooOld = 24 * time.Hour
	// sealSize is the length of the first line, which is written over in place.
	sealSize = 192
	format   = "centinela verdicts 2"
	// lineVerdicts bounds a line of a snapshot.
	lineVerdicts = 1000
)

// Copy is where a feed keeps its copy, and what it is authenticated with: the key is the part's own, so that no other
// suite's copy, and none that somebody wrote who can't read the key, is taken for it. No path keeps none.
type Copy struct {
	Path string
	Key  []byte
}

// journal is the copy on disk: a first line of fixed length, the seal, which says how long the rest is, its MAC,
// and when a service that ran last vouched for it; then JSON lines, a snapshot and the changes after it. A change
// appends a line and moves the seal over it; to write a million verdicts for each would take seconds. What stands behind
// the sealed length is an append that never ended, and was never believed. Anything else that doesn't fit the seal
// (a cut, a flipped bit, a foreign or older file) makes the whole copy count as nothing. It isn't synced at each
// change: after a power cut it may not fit, and then audit is asked.
type journal struct {
	Copy
	now func() time.Time

	file   *os.File
	length int64
	sum    []byte // of all lines so far: each is hashed with the sum before it
	lines  int
}

// seal is the first line's content.
type seal struct {
	Format string `json:"format"`
	Length int64  `json:"length"` // of the lines, in bytes
	Alive  int64  `json:"alive"`  // ms since 1970
	MAC    string `json:"mac"`
}

// mac authenticates lines of that sum under the rest of the seal.
func (s seal) mac(key, sum []byte) string {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s\n%d\n%d\n%x\n", s.Format, s.Length, s.Alive, sum)
	return hex.EncodeToString(h.Sum(nil))
}

// line is a snapshot or a change.
type line struct {
	Snapshot bool      `json:"snapshot,omitempty"`
	Verdicts []Verdict `json:"verdicts,omitempty"`
	Removed  []string  `json:"removed,omitempty"`
}

var errCopy = errors.New("the file is not a whole copy of verdicts of this version")

// restore reads the verdicts that the copy holds; found is false without a file.
func (j *journal) restore() (all []Verdict, found bool, err error) {
	file, err := os.Open(j.Path) // "" isn't there either
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("verdicts: open the copy: %w", err)
	}
	defer file.Close()
	first := make([]byte, sealSize)
	if _, err := io.ReadFull(file, first); err != nil {
		return nil, false, errCopy
	}
	var s seal
	if err := json.Unmarshal(bytes.TrimRight(first, " \n"), &s); err != nil || s.Format != format || s.Length < 0 {
		return nil, false, errCopy
	}
	all, err = j.readLines(io.LimitReader(file, s.Length), s)
	if err != nil {
		return nil, false, err
	}
	if age := j.now().Sub(time.UnixMilli(s.Alive)); age > tooOld {
		return nil, false, fmt.Errorf("%w: it is %s old", errCopy, age.Round(time.Hour))
	}
	return all, true, nil
}

func (j *journal) readLines(body io.Reader, s seal) ([]Verdict, error) {
	var sum []byte
	var read int64
	held := make(map[string]Verdict)
	lines := bufio.NewReaderSize(body, 64<<10)
	for {
		text, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			break
		}
		if err != nil {
			return nil, errCopy
		}
		read, sum = read+int64(len(text)), chained(sum, text)
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, errCopy
		}
		if l.Snapshot {
			clear(held)
		}
		for _, id := range l.Removed {
			delete(held, id)
		}
		for _, v := range l.Verdicts {
			held[v.ID] = v
		}
	}
	if read != s.Length || read == 0 || !hmac.Equal([]byte(s.mac(j.Key, sum)), []byte(s.MAC)) {
		return nil, errCopy
	}
	all := make([]Verdict, 0, len(held))
	for _, v := range held {
		all = append(all, v)
	}
	return all, nil
}

func chained(sum, text []byte) []byte {
	h := sha256.New()
	h.Write(sum)
	h.Write(text)
	return h.Sum(nil)
}

// append writes a change behind the others; a file that grew long is written anew.
func (j *journal) append(changed []Verdict, removed []string, all func() []Verdict) error {
	if j.file == nil || j.lines >= compactAfter {
		return j.rewrite(all())
	}
	if err := j.write(line{Verdicts: changed, Removed: removed}); err != nil {
		j.close() // the next change writes all of it anew
		return fmt.Errorf("verdicts: write the copy: %w", err)
	}
	j.lines++
	return nil
}

// alive vouches for the file again.
func (j *journal) alive() error {
	if j.file == nil {
		return nil
	}
	return j.reseal()
}

func (j *journal) write(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if _, err := j.file.WriteAt(text, sealSize+j.length); err != nil {
		return err
	}
	j.length, j.sum = j.length+int64(len(text)), chained(j.sum, text)
	return j.reseal()
}

func (j *journal) reseal() error {
	s := seal{Format: format, Length: j.length, Alive: j.now().UnixMilli()}
	s.MAC = s.mac(j.Key, j.sum)
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if len(text) >= sealSize {
		return errCopy // can't be: each part is bounded
	}
	text = append(append(text, bytes.Repeat([]byte(" "), sealSize-1-len(text))...), '\n')
	_, err = j.file.WriteAt(text, 0)
	return err
}

// rewrite replaces the file in one step, synced.
func (j *journal) rewrite(all []Verdict) error {
	if j.Path == "" {
		return nil
	}
	j.close()
	file, err := os.CreateTemp(filepath.Dir(j.Path), ".verdicts-*") // 0600
	if err != nil {
		return fmt.Errorf("verdicts: write the copy: %w", err)
	}
	j.file, j.length, j.sum, j.lines = file, 0, nil, 0
	err = j.write(line{Snapshot: true})
	for part := range slices.Chunk(all, lineVerdicts) {
		if err == nil {
			err = j.write(line{Verdicts: part})
		}
	}
	if err = errors.Join(err, file.Sync()); err == nil {
		err = os.Rename(file.Name(), j.Path)
	}
	if err != nil {
		j.close()
		return fmt.Errorf("verdicts: write the copy: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}

func (j *journal) close() {
	if j.file != nil {
		_ = j.file.Close() // every line was written already; nothing is buffered
		j.file = nil
	}
}
