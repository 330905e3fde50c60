package record

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// errForm is a text that isn't the canonical form of an envelope.
var errForm = errors.New("not in the canonical form")

// reader reads canonical JSON and nothing else: what it takes has one spelling
// only. The first fault stays in err.
type reader struct {
	s   string
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
	if r.err != nil || !strings.HasPrefix(r.s[r.i:], text) {
		r.fail()
		return
	}
	r.i += len(text)
}

// next reports whether the next byte is c, and takes it.
func (r *reader) next(c byte) bool {
	if r.err == nil && r.i < len(r.s) && r.s[r.i] == c {
		r.i++
		return true
	}
	return false
}

// text takes a string. One with escapes is written again to compare the spelling.
func (r *reader) text() string {
	if !r.next('"') {
		r.fail()
		return ""
	}
	start, escaped := r.i, false
	for ; r.i < len(r.s); r.i++ {
		switch c := r.s[r.i]; {
		case c == '"':
			text := r.s[start:r.i]
			r.i++
			if escaped {
				return r.unquote(r.s[start-1 : r.i])
			}
			if !utf8.ValidString(text) {
				r.fail()
			}
			return text
		case c == '\\':
			escaped = true
			r.i++ // whatever follows doesn't end the string
		case c < 0x20:
			r.fail()
			return ""
		}
	}
	r.i = len(r.s) // behind a last backslash it would be beyond the end
	r.fail()
	return ""
}

func (r *reader) unquote(quoted string) string {
	text, err := jsontext.AppendUnquote(nil, quoted)
	if again, _ := jsontext.AppendQuote(nil, text); err != nil || string(again) != quoted {
		r.fail()
	}
	return string(text)
}

// whole takes a whole number within maxInt.
func (r *reader) whole() int64 {
	token := r.token()
	n, err := strconv.ParseInt(token, 10, 64)
	if err != nil || n > maxInt || n < -maxInt || strconv.FormatInt(n, 10) != token {
		r.fail()
	}
	return n
}

// number takes a number in the one spelling that it has.
func (r *reader) number() {
	token := r.token()
	again, err := jsontext.AppendFormat(nil, token, jsontext.CanonicalizeRawInts(true), jsontext.CanonicalizeRawFloats(true))
	if err != nil || string(again) != token {
		r.fail()
	}
}

// token takes what a number is made of.
func (r *reader) token() string {
	start := r.i
	for r.i < len(r.s) && (r.s[r.i] >= '0' && r.s[r.i] <= '9' || strings.IndexByte("+-.eE", r.s[r.i]) >= 0) {
		r.i++
	}
	return r.s[start:r.i]
}

// value takes any value of data, at most depth levels deep.
func (r *reader) value(depth int) {
	if r.err != nil || r.i >= len(r.s) {
		r.fail()
		return
	}
	switch r.s[r.i] {
	case '"':
		r.text()
	case '{':
		r.object(depth, func(string) { r.value(depth - 1) })
	case '[':
		r.items("[", ']', depth, func(int) { r.value(depth - 1) })
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
	last := ""
	r.items("{", '}', depth, func(n int) {
		name := r.text()
		if n > 0 && compareUTF16(last, name) >= 0 {
			r.fail()
			return
		}
		last = name
		r.expect(":")
		member(name)
	})
}

// items takes what stands between brackets.
func (r *reader) items(open string, end byte, depth int, item func(n int)) {
	if depth == 0 {
		r.fail()
	}
	r.expect(open)
	for n := 0; r.err == nil && !r.next(end); n++ {
		if n == maxMembers || n > 0 && !r.next(',') {
			r.fail()
			return
		}
		item(n)
	}
}

// end is no error at the end of the text.
func (r *reader) end() error {
	if r.err == nil && r.i != len(r.s) {
		r.fail()
	}
	return r.err
}
