package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxDepth is how many objects and lists may be open at once.
	MaxDepth = 16
	// MaxBytes is the longest text that is read at all; callers have lower limits of their own.
	MaxBytes = 16 << 20
)

// reader is a decoder and the buffer it reads from, kept for the next text.
type reader struct {
	text bytes.Buffer
	from jsontext.Decoder
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// Decode reads the one value that data holds. Numbers stay as they were written (json.Number). Nothing of the value
// aliases data.
func Decode(data []byte) (any, *Fault) {
	if len(data) > MaxBytes {
		return nil, &Fault{Keyword: Size}
	}
	r, _ := readers.Get().(*reader)
	defer func() {
		r.text = bytes.Buffer{} // data is the caller's again
		readers.Put(r)
	}()
	r.text = *bytes.NewBuffer(data)
	r.from.Reset(&r.text) // jsontext refuses doubled names and bad UTF-8 unless it is told not to
	v, err := r.value()
	if err == nil {
		if _, err = r.from.ReadToken(); errors.Is(err, io.EOF) {
			return v, nil
		}
		return nil, &Fault{Keyword: Syntax} // something behind the value
	}
	return nil, r.fault(err, data)
}

var errDepth = errors.New("too deep")

// value reads a value, in the order of the text.
func (r *reader) value() (any, error) {
	token, err := r.from.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return r.object()
	case '[':
		return r.list()
	case '"':
		return token.String(), nil
	case '0':
		return json.Number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil // null
}

func (r *reader) object() (any, error) {
	if r.from.StackDepth() > MaxDepth {
		return nil, errDepth
	}
	members := make(map[string]any)
	for {
		token, err := r.from.ReadToken()
		if err != nil {
			return nil, err
		}
		if token.Kind() == '}' {
			return members, nil
		}
		name := token.String() // before the next token is read
		if members[name], err = r.value(); err != nil {
			return nil, err
		}
	}
}

func (r *reader) list() (any, error) {
	if r.from.StackDepth() > MaxDepth {
		return nil, errDepth
	}
	items := []any{}
	for r.from.PeekKind() != ']' {
		item, err := r.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	_, err := r.from.ReadToken()
	return items, err
}

// fault names why reading stopped. What jsontext says in words isn't used: it quotes the text.
func (r *reader) fault(err error, data []byte) *Fault {
	if errors.Is(err, errDepth) {
		return &Fault{Keyword: Depth, Pointer: string(r.from.StackPointer())}
	}
	f := &Fault{Keyword: Syntax}
	syntactic, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return f // the text ended, or was empty
	}
	f.Pointer = string(syntactic.JSONPointer)
	rest := data[min(int(syntactic.ByteOffset), len(data)):]
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		f.Keyword = Duplicate
	case halfPair(rest):
		f.Keyword = Surrogate
	case len(rest) > 0 && !utf8.FullRune(rest), badRune(rest):
		f.Keyword = UTF8
	}
	return f
}

func badRune(rest []byte) bool {
	r, size := utf8.DecodeRune(rest)
	return r == utf8.RuneError && size == 1
}

// halfPair reports whether text begins with the escape of a surrogate. At the place of a fault its other half is
// missing: a whole pair is no fault.
func halfPair(text []byte) bool {
	var unit uint16
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return false
	}
	for _, c := range text[2:6] {
		digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
		if digit < 0 {
			return false
		}
		unit = unit<<4 | uint16(digit) //nolint:gosec // 0 to 15
	}
	return utf16.IsSurrogate(rune(unit))
}
