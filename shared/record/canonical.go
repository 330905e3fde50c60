package record

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The canonical form is that of RFC 8785 (JSON Canonicalization Scheme): another
// program can recompute every hash with any JCS library.

var (
	errNotUTF8 = errors.New("a text that is not UTF-8")
	errNumber  = errors.New("a number that a double doesn't hold")
	errDeep    = errors.New("an object nested too deeply")
	errWide    = errors.New("an object or a list with too many members")
)

// maxInt is the largest whole number up to which every one is a double, the
// only number that RFC 8785 §3.2.2.3 knows.
const maxInt = 1 << 53

func appendValue(dst []byte, value any, depth int) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return appendInt(dst, int64(v))
	case int64:
		return appendInt(dst, v)
	case float64:
		return appendFloat(dst, v)
	case Data:
		return appendObject(dst, v, depth)
	case map[string]any:
		return appendObject(dst, v, depth)
	case []string:
		return appendList(dst, v, depth)
	case []any:
		return appendList(dst, v, depth)
	case []Data:
		return appendList(dst, v, depth)
	}
	return nil, fmt.Errorf("a value of type %T", value)
}

func appendInt(dst []byte, n int64) ([]byte, error) {
	if n > maxInt || n < -maxInt {
		return nil, errNumber
	}
	return strconv.AppendInt(dst, n, 10), nil
}

// appendFloat writes a double as ECMAScript does (RFC 8785 §3.2.2.3).
func appendFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, errNumber
	}
	if f == 0 {
		return append(dst, '0'), nil // -0 too
	}
	format := byte('f')
	if abs := math.Abs(f); abs < 1e-6 || abs >= 1e21 {
		format = 'e'
	}
	dst = strconv.AppendFloat(dst, f, format, -1, 64)
	if n := len(dst); format == 'e' && n >= 4 && dst[n-4] == 'e' && dst[n-2] == '0' { // e-09 is e-9
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst, nil
}

func appendList[T any](dst []byte, list []T, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errDeep
	}
	if len(list) > maxMembers {
		return nil, errWide
	}
	dst = append(dst, '[')
	var err error
	for i, item := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendValue(dst, item, depth-1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// appendObject sorts the members by the UTF-16 code units of their names (RFC 8785 §3.2.3).
func appendObject(dst []byte, o map[string]any, depth int) ([]byte, error) {
	if depth == 0 {
		return nil, errDeep
	}
	if len(o) > maxMembers {
		return nil, errWide
	}
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.SortFunc(names, compareUTF16)
	dst = append(dst, '{')
	var err error
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, name); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, err = appendValue(dst, o[name], depth-1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// compareUTF16 differs from comparing bytes only where a character beyond the
// basic plane meets one from U+E000 to U+FFFF.
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

const hexDigits = "0123456789abcdef"

// appendString escapes what must be escaped and nothing else (RFC 8785 §3.2.2.2).
func appendString(dst []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return nil, errNotUTF8
	}
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(append(dst, s[from:i]...), '\\')
		from = i + 1
		if letter, ok := shortEscape(c); ok {
			dst = append(dst, letter)
		} else {
			dst = append(dst, 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return append(append(dst, s[from:]...), '"'), nil
}

// shortEscape is the letter behind the backslash for what has one.
func shortEscape(c byte) (byte, bool) {
	switch c {
	case '"', '\\':
		return c, true
	case '\b':
		return 'b', true
	case '\t':
		return 't', true
	case '\n':
		return 'n', true
	case '\f':
		return 'f', true
	case '\r':
		return 'r', true
	}
	return 0, false
}
