package main

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// commits counts the transactions of the databases below a folder since each was opened, by database and from outside: the
// header of an index of a write-ahead log holds their number (sqlite.org/walformat.html §2.1, iChange, in the machine's
// byte order).
func commits(dir string) (map[string]uint32, error) {
	out := map[string]uint32{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		name, index := strings.CutSuffix(filepath.Base(path), ".db-shm")
		if err != nil || !index {
			return err
		}
		header, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if len(header) < 12 {
			return fmt.Errorf("%s is no index of a write-ahead log", path)
		}
		out[name] = binary.NativeEndian.Uint32(header[8:])
		return nil
	})
	return out, err
}
