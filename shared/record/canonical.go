package record

import (
	"cmp"
	"errors"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The canonical form is that of RFC 8785 (JSON Canonicalization Scheme): another
// program can recompute every hash with any JCS library.

// maxInt is the largest whole number up to which every one is a double, the
// only number that RFC 8785 §3.2.2.3 knows.
const maxInt = 1 << 53

var errNumber = errors.New("a whole number that a double doesn't hold")

// held refuses whole numbers that would be rounded without a word.
var held = json.WithMarshalers(json.JoinMarshalers(json.MarshalToFunc(whole[int]), json.MarshalToFunc(whole[int64]), json.MarshalToFunc(whole[uint64])))

func whole[T int | int64 | uint64](_ *jsontext.Encoder, n T) error {
	if n > maxInt || n+maxInt < 0 {
		return errNumber
	}
	return errors.ErrUnsupported // for the usual way
}

// appendData writes data, at most depth levels deep. What it writes a reader takes.
func appendData(dst []byte, data any, depth int) ([]byte, error) {
	text, err := json.Marshal(data, held)
	if err == nil {
		err = (*jsontext.Value)(&text).Canonicalize()
	}
	if err != nil {
		return nil, err
	}
	r := reader{s: string(text)}
	r.value(depth)
	return append(dst, text...), r.end()
}

// compareUTF16 differs from comparing bytes only where a character beyond the
// basic plane meets one from U+E000 to U+FFFF (RFC 8785 §3.2.3).
func compareUTF16(a, b string) int {
	for len(a) > 0 && len(b) > 0 {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			return slices.Compare(utf16.Encode([]rune{ra}), utf16.Encode([]rune{rb}))
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}
