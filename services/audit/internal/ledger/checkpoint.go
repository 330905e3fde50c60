package ledger

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"centinela/shared/record"
)

// A hash chain doesn't see that its newest rows were cut off, nor that all of it
// was written anew. A checkpoint does: it is the head at some moment, signed
// with a key that the store doesn't hold, in a file beside the store.

// Checkpoint is a signed Head.
type Checkpoint struct {
	Head
	Time time.Time
}

// ErrCheckpoint is a file that isn't a whole checkpoint, or wasn't signed with this key.
var ErrCheckpoint = errors.New("the file is no checkpoint that was signed with this key: run centinela audit verify, and move it away to begin with a new one")

// checkpointPurpose keeps a signature from meaning anything elsewhere.
const checkpointPurpose = "centinela audit checkpoint v2"

type checkpointFile struct {
	Seq       int64       `json:"seq"`
	Hash      record.Hash `json:"hash"`
	Time      int64       `json:"time"` // milliseconds since 1970 UTC
	Signature []byte      `json:"signature"`
}

// message is what is signed.
func (c Checkpoint) message() []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n%d\n", checkpointPurpose, c.Seq, c.Hash, c.Time.UnixMilli())
}

// ReadCheckpoint reads and checks the file; ok is false when there is none.
// Errors: ErrCheckpoint, or the file can't be read.
func ReadCheckpoint(path string, key ed25519.PublicKey) (c Checkpoint, ok bool, err error) {
	body, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, false, nil
	}
	if err != nil {
		return Checkpoint{}, false, fmt.Errorf("checkpoint: %w", err)
	}
	var file checkpointFile
	err = json.Unmarshal(body, &file)
	c = Checkpoint{Head: Head{Seq: file.Seq, Hash: file.Hash}, Time: time.UnixMilli(file.Time).UTC()}
	if err != nil || !ed25519.Verify(key, c.message(), file.Signature) {
		return Checkpoint{}, false, fmt.Errorf("checkpoint %s: %w", path, ErrCheckpoint)
	}
	return c, true, nil
}

// writeCheckpoint replaces the file in one step and syncs it.
func writeCheckpoint(path string, key ed25519.PrivateKey, c Checkpoint) error {
	body, err := json.Marshal(checkpointFile{c.Seq, c.Hash, c.Time.UnixMilli(), ed25519.Sign(key, c.message())})
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".checkpoint-*") // 0600
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	_, err = file.Write(append(body, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
