package main

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The write-ahead log's format (sqlite.org/fileformat2.html §4.1).
const (
	walHeader   = 32
	frameHeader = 24
)

// commits counts the transactions in the write-ahead logs below a folder, by database: a frame that ends one says how
// large the database is then. It sees what was written since a log was last begun anew, which is after some thousand
// pages; so that a few operations can be counted by a difference, and from outside.
func commits(dir string) (map[string]int, error) {
	out := map[string]int{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".db-wal") {
			return err
		}
		log, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		out[strings.TrimSuffix(filepath.Base(path), ".db-wal")], err = commitsIn(log)
		return err
	})
	return out, err
}

func commitsIn(log []byte) (int, error) {
	if len(log) == 0 {
		return 0, nil
	}
	if len(log) < walHeader || binary.BigEndian.Uint32(log)&^1 != 0x377f0682 {
		return 0, fmt.Errorf("not a write-ahead log of %d bytes", len(log))
	}
	frame, salt, n := frameHeader+int(binary.BigEndian.Uint32(log[8:])), string(log[16:24]), 0
	for at := walHeader; at+frame <= len(log); at += frame {
		if string(log[at+8:at+16]) != salt {
			break // left from before it was begun anew
		}
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n, nil
}
