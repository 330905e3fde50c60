package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	manifestName = "manifest.json"
	// format is what this version writes, and the newest that it reads.
	format = 1
	// maxManifest is more than any manifest of ours.
	maxManifest = 1 << 20
)

// Manifest says what a backup holds. It is written last: a backup without one was
// not finished.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of centinela
	Time    time.Time `json:"time"`    // when it was begun
	Engine  string    `json:"engine"`  // store.engine: with mongodb the databases are not in it
	Files   []File    `json:"files"`
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // with slashes: "auth/auth.db"
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Place is where something stands in a backup and on this machine.
type Place struct {
	Name   string // with slashes: "auth/auth.db"
	Path   string
	Schema fs.FS // the migrations of a SQLite database; nil for a plain file
}

// Read returns the manifest of the backup in dir. Errors: none is there, it is
// damaged, or a newer version wrote it.
func Read(dir string) (Manifest, error) {
	file, err := os.Open(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, fmt.Errorf("%s holds no whole backup: there is no %s, which is written last", dir, manifestName)
	}
	if err != nil {
		return Manifest{}, err
	}
	body, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err := errors.Join(err, file.Close()); err != nil {
		return Manifest{}, err
	}
	var m Manifest
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&m); err != nil || decoder.More() || m.Format < 1 {
		return Manifest{}, fmt.Errorf("%s in %s is damaged", manifestName, dir)
	}
	if m.Format > format {
		return Manifest{}, fmt.Errorf("the backup in %s was made by a newer version of centinela (%s): restore it with that version", dir, m.Version)
	}
	return m, nil
}

func (m Manifest) write(dir string) error {
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".manifest-*")
	if err != nil {
		return err
	}
	_, err = file.Write(append(body, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, manifestName)); err != nil {
		return err
	}
	return syncFolder(dir)
}

// describe is the entry of a file that was written.
func describe(name, path string) (File, error) {
	file, err := os.Open(path)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	return File{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, errors.Join(err, file.Close())
}

// copyFile writes a new file with what is in another, and returns its entry. It
// makes the folder. Keys stay closed; what is public may be read by all.
func copyFile(name, from, to string) (File, error) {
	mode := fs.FileMode(0o600)
	if strings.HasSuffix(name, ".pub") || strings.Contains(name, ".pub.") {
		mode = 0o644
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return File{}, err
	}
	source, err := os.Open(from)
	if err != nil {
		return File{}, err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return File{}, err
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(target, sum), source)
	err = errors.Join(err, target.Chmod(mode), target.Sync(), target.Close())
	return File{Name: name, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// empty says whether a folder is there, and refuses one that holds something beside
// what was interrupted before: a restore that never got as far as its place.
func empty(dir string) (there bool, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() != Staging && e.Name() != "lost+found" {
			return true, fmt.Errorf("%s is not empty: name a new folder, or empty it", dir)
		}
	}
	return true, nil
}
