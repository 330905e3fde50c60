package record

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf8"
)

// errForm is a text that isn't the canonical form of an envelope.
var errForm = errors.New("not in the canonical form")

// reader reads canonical JSON and nothing else: what it takes has one spelling
// only, the one that appendValue writes. The first fault stays in err.
type reader struct {
	b   []byte
	i   int
	err error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = errForm
	}
}

// expect takes exactly that text.
func (r *reader) expect(text string) {
	if r.err != nil || len(r.b)-r.i < len(text) || string(r.b[r.i:r.i+len(text)]) != text {
		r.fail()
		return
	}
	r.i += len(text)
}

// next reports whether the next byte is c, and takes it.
func (r *reader) next(c byte) bool {
	if r.err == nil && r.i < len(r.b) && r.b[r.i] == c {
		r.i++
		return true
	}
	return false
}

// text takes a string.
func (r *reader) text() string {
	if !r.next('"') {
		r.fail()
		return ""
	}
	start := r.i
	for ; r.i < len(r.b); r.i++ {
		switch c := r.b[r.i]; {
		case c == '"':
			raw := r.b[start:r.i]
			r.i++
			if !utf8.Valid(raw) {
				r.fail()
			}
			return string(raw)
		case c == '\\' || c < 0x20:
			return r.escaped(start)
		}
	}
	r.fail()
	return ""
}

// escaped goes on with a string that has escapes, from its first one.
func (r *reader) escaped(start int) string {
	text := bytes.Clone(r.b[start:r.i])
	for r.i < len(r.b) && r.err == nil {
		c := r.b[r.i]
		r.i++
		switch {
		case c == '"':
			if !utf8.Valid(text) {
				r.fail()
			}
			return string(text)
		case c < 0x20:
			r.fail()
		case c == '\\':
			text = append(text, r.escape())
		default:
			text = append(text, c)
		}
	}
	r.fail()
	return ""
}

func (r *reader) escape() byte {
	if r.i >= len(r.b) {
		r.fail()
		return 0
	}
	letter := r.b[r.i]
	r.i++
	for _, c := range [...]byte{'"', '\\', '\b', '\t', '\n', '\f', '\r'} {
		if short, _ := shortEscape(c); short == letter {
			return c
		}
	}
	if letter != 'u' || len(r.b)-r.i < 4 || r.b[r.i] != '0' || r.b[r.i+1] != '0' {
		r.fail()
		return 0
	}
	high, low := bytes.IndexByte([]byte(hexDigits), r.b[r.i+2]), bytes.IndexByte([]byte(hexDigits), r.b[r.i+3])
	c := byte(high<<4 | low)
	if _, short := shortEscape(c); high < 0 || low < 0 || c >= 0x20 || short {
		r.fail()
		return 0
	}
	r.i += 4
	return c
}

// whole takes a whole number within maxInt.
func (r *reader) whole() int64 {
	n, err := strconv.ParseInt(string(r.number()), 10, 64)
	if err != nil || n > maxInt || n < -maxInt {
		r.fail()
	}
	return n
}

// number takes a number in the one spelling that it has.
func (r *reader) number() []byte {
	start := r.i
	for r.i < len(r.b) && (r.b[r.i] >= '0' && r.b[r.i] <= '9' || bytes.IndexByte([]byte("+-.eE"), r.b[r.i]) >= 0) {
		r.i++
	}
	token := r.b[start:r.i]
	f, err := strconv.ParseFloat(string(token), 64)
	if r.err != nil || err != nil {
		r.fail()
		return nil
	}
	var again [32]byte
	if spelled, err := appendFloat(again[:0], f); err != nil || !bytes.Equal(spelled, token) {
		r.fail()
	}
	return token
}

// value takes any value of data, at most depth levels deep.
func (r *reader) value(depth int) {
	if r.err != nil || r.i >= len(r.b) {
		r.fail()
		return
	}
	switch r.b[r.i] {
	case '"':
		r.text()
	case '{':
		r.object(depth, func(string) { r.value(depth - 1) })
	case '[':
		r.list(depth)
	case 't':
		r.expect("true")
	case 'f':
		r.expect("false")
	default:
		r.number()
	}
}

// object takes an object whose names ascend; member takes the value of each.
func (r *reader) object(depth int, member func(name string)) {
	if depth == 0 {
		r.fail()
		return
	}
	r.expect("{")
	last := ""
	for n := 0; r.err == nil && !r.next('}'); n++ {
		if n == maxMembers || n > 0 && !r.next(',') {
			r.fail()
			return
		}
		name := r.text()
		if n > 0 && compareUTF16(last, name) >= 0 {
			r.fail()
			return
		}
		last = name
		r.expect(":")
		member(name)
	}
}

func (r *reader) list(depth int) {
	if depth == 0 {
		r.fail()
		return
	}
	r.expect("[")
	for n := 0; r.err == nil && !r.next(']'); n++ {
		if n == maxMembers || n > 0 && !r.next(',') {
			r.fail()
			return
		}
		r.value(depth - 1)
	}
}

// end is no error at the end of the text.
func (r *reader) end() error {
	if r.err == nil && r.i != len(r.b) {
		r.fail()
	}
	return r.err
}
