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
		6, "", 6, "golang.org/x/crypto/argon2.processBlockSSE", 6, "main.other", 6, "main.inlined", 6, "samples", 6, "count",
		1, message(1, 4, 2, 5), 1, message(1, 2, 2, 5), // the values of a sample: what they count and in which unit
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
	b := &bench{dir: t.TempDir()}
	for _, c := range []struct {
		focus          string
		matched, total float64
	}{
		{hashFunctions, 9, 12},
		{"^main.inlined$", 12, 12},
		{"^nothing$", 0, 12},
	} {
		if matched, total, err := b.samples(t.Context(), zipped(t, example()), c.focus); err != nil || matched != c.matched || total != c.total {
			t.Errorf("%s: %v of %v, %v; want %v of %v", c.focus, matched, total, err, c.matched, c.total)
		}
	}
	if _, _, err := b.samples(t.Context(), []byte("no profile"), hashFunctions); err == nil {
		t.Error("something else is read")
	}
}
