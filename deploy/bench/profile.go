package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errProfile = errors.New("not a CPU profile")

// maxProfile bounds what a profile may unpack to.
const maxProfile = 64 << 20

// samples counts the samples of a CPU profile (the gzipped protocol buffer of pprof) that have a function on their
// stack which match wants, and all of them. Only the five fields that this takes are read.
func samples(gzipped []byte, match func(function string) bool) (matched, total int64, err error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errProfile, err)
	}
	data, err := io.ReadAll(io.LimitReader(unpacked, maxProfile))
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errProfile, err)
	}
	p := profile{functions: map[uint64]uint64{}, locations: map[uint64][]uint64{}}
	if err := fields(data, p.take); err != nil {
		return 0, 0, err
	}
	return p.count(match)
}

// profile is what is kept of one: numbers of https://github.com/google/pprof/blob/main/proto/profile.proto.
type profile struct {
	texts     []string
	functions map[uint64]uint64   // function → index of its name
	locations map[uint64][]uint64 // location → functions
	stacks    [][]uint64          // locations of each sample
	counts    []uint64            // of each sample
}

// The fields of a Profile.
const (
	fieldSample   = 2
	fieldLocation = 4
	fieldFunction = 5
	fieldText     = 6
)

func (p *profile) take(field int, number uint64, data []byte) error {
	switch field {
	case fieldText:
		p.texts = append(p.texts, string(data))
	case fieldFunction: // id = 1, name = 2
		var id, name uint64
		err := fields(data, func(f int, n uint64, _ []byte) error {
			switch f {
			case 1:
				id = n
			case 2:
				name = n
			}
			return nil
		})
		p.functions[id] = name
		return err
	case fieldLocation: // id = 1, line = 4 {function_id = 1}
		var id uint64
		var functions []uint64
		err := fields(data, func(f int, n uint64, line []byte) error {
			switch f {
			case 1:
				id = n
			case 4:
				return fields(line, func(f int, n uint64, _ []byte) error {
					if f == 1 {
						functions = append(functions, n)
					}
					return nil
				})
			}
			return nil
		})
		p.locations[id] = functions
		return err
	case fieldSample: // location_id = 1, value = 2, both repeated; the first value counts samples
		var stack, values []uint64
		err := fields(data, func(f int, n uint64, packed []byte) error {
			var err error
			switch f {
			case 1:
				stack, err = numbers(stack, n, packed)
			case 2:
				values, err = numbers(values, n, packed)
			}
			return err
		})
		if err != nil || len(values) == 0 {
			return errors.Join(errProfile, err)
		}
		p.stacks, p.counts = append(p.stacks, stack), append(p.counts, values[0])
	}
	return nil
}

func (p *profile) count(match func(string) bool) (matched, total int64, err error) {
	wanted := map[uint64]bool{} // locations
	for id, functions := range p.locations {
		for _, f := range functions {
			name := p.functions[f]
			if name >= uint64(len(p.texts)) {
				return 0, 0, errProfile
			}
			wanted[id] = wanted[id] || match(p.texts[name])
		}
	}
	for i, stack := range p.stacks {
		n := int64(p.counts[i]) //nolint:gosec // a count of samples
		total += n
		for _, location := range stack {
			if wanted[location] {
				matched += n
				break
			}
		}
	}
	return matched, total, nil
}

// fields calls take with each field of a message: its number, and its varint or its bytes.
func fields(data []byte, take func(field int, number uint64, data []byte) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 {
			return errProfile
		}
		data = data[n:]
		var number uint64
		var inner []byte
		switch key & 7 {
		case 0:
			if number, n = binary.Uvarint(data); n <= 0 {
				return errProfile
			}
			data = data[n:]
		case 2:
			length, n := binary.Uvarint(data)
			if n <= 0 || length > uint64(len(data)-n) {
				return errProfile
			}
			inner, data = data[n:n+int(length)], data[n+int(length):] //nolint:gosec // within data
		default:
			return errProfile // a profile has no others
		}
		if err := take(int(key>>3), number, inner); err != nil { //nolint:gosec // a field's number
			return err
		}
	}
	return nil
}

// numbers adds a repeated varint, packed or not.
func numbers(to []uint64, one uint64, packed []byte) ([]uint64, error) {
	if packed == nil {
		return append(to, one), nil
	}
	for len(packed) > 0 {
		v, n := binary.Uvarint(packed)
		if n <= 0 {
			return to, errProfile
		}
		to, packed = append(to, v), packed[n:]
	}
	return to, nil
}
