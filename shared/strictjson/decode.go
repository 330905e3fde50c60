package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"sync"
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
	default:
		return nil, nil // null
	}
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
	switch char, size := utf8.DecodeRune(rest); {
	case errors.Is(err, jsontext.ErrDuplicateName):
		f.Keyword = Duplicate
	case surrogate.Match(rest):
		f.Keyword = Surrogate
	case char == utf8.RuneError && size == 1:
		f.Keyword = UTF8
	}
	return f
}

// surrogate is the escape of one half of a pair. At the place of a fault the other half is missing: a pair is no fault.
var surrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F]`)
