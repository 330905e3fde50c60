package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"
)

// message builds a protocol buffer: numbers are varints, []byte are bytes.
func message(pairs ...any) []byte {
	var out []byte
	for i := 0; i < len(pairs); i += 2 {
		field := uint64(pairs[i].(int)) << 3
		switch v := pairs[i+1].(type) {
		case int:
			out = binary.AppendUvarint(binary.AppendUvarint(out, field), uint64(v))
		case []byte:
			out = append(binary.AppendUvarint(binary.AppendUvarint(out, field|2), uint64(len(v))), v...)
		case string:
			out = append(binary.AppendUvarint(binary.AppendUvarint(out, field|2), uint64(len(v))), v...)
		}
	}
	return out
}

func zipped(t *testing.T, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func example() []byte {
	return message(
		6, "", 6, "golang.org/x/crypto/argon2.processBlockSSE", 6, "main.other", 6, "main.inlined",
		5, message(1, 1, 2, 1), 5, message(1, 2, 2, 2), 5, message(1, 3, 2, 3),
		4, message(1, 10, 3, 4096, 4, message(1, 1)),
		4, message(1, 11, 4, message(1, 3, 2, 77), 4, message(1, 2)),
		2, message(1, []byte{10, 11}, 2, []byte{7, 70}), // packed: argon2 on main
		2, message(1, 11, 2, 3, 2, 30), // not packed
		2, message(1, []byte{11, 10, 10}, 2, []byte{2, 20}), // twice on one stack counts once
	)
}

// Samples with the function anywhere on their stack count, inlined or not.
func TestSamples(t *testing.T) {
	for _, c := range []struct {
		of             func(string) bool
		matched, total int64
	}{
		{isHash, 9, 12},
		{func(name string) bool { return name == "main.inlined" }, 12, 12},
		{func(string) bool { return false }, 0, 12},
	} {
		if matched, total, err := samples(zipped(t, example()), c.of); err != nil || matched != c.matched || total != c.total {
			t.Errorf("%d of %d, %v; want %d of %d", matched, total, err, c.matched, c.total)
		}
	}
}

// A profile that is cut or none is an error, or a smaller profile, and never a panic.
func TestSamplesOfSomethingElse(t *testing.T) {
	whole := example()
	for n := range whole {
		if _, total, err := samples(zipped(t, whole[:n]), isHash); err == nil && total > 12 {
			t.Errorf("cut at %d: %d samples", n, total)
		}
	}
	for name, data := range map[string][]byte{
		"no gzip":           whole,
		"a field of 64 bit": zipped(t, []byte{2<<3 | 1, 0, 0, 0, 0, 0, 0, 0, 0}),
		"a name too far":    zipped(t, message(5, message(1, 1, 2, 99), 4, message(1, 1, 4, message(1, 1)))),
		"a longer length":   zipped(t, []byte{2<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}),
	} {
		if _, _, err := samples(data, isHash); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
