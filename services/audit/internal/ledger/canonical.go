package ledger

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The canonical form is that of RFC 8785 (JSON Canonicalization Scheme), for
// the shape that an entry has: objects, strings, whole numbers. Another program
// can recompute every hash with any JCS library.

// object is a JSON object on its way to the canonical form.
type object []member

type member struct {
	name  string
	value any // object, string or int64
}

var (
	errNotUTF8  = errors.New("a text that is not UTF-8")
	errBigInt   = errors.New("a number beyond 2^53, which a double doesn't hold")
	errSameName = errors.New("a member twice")
)

// maxInt is the largest whole number up to which every one is a double, the
// only number that RFC 8785 §3.2.2.3 knows.
const maxInt = 1 << 53

func appendCanonical(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case object:
		return appendObject(dst, v)
	case string:
		return appendString(dst, v)
	case int64:
		if v > maxInt || v < -maxInt {
			return nil, errBigInt
		}
		return strconv.AppendInt(dst, v, 10), nil
	}
	return nil, fmt.Errorf("a value of type %T", value)
}

// appendObject sorts the members by the UTF-16 code units of their names (RFC 8785 §3.2.3).
func appendObject(dst []byte, o object) ([]byte, error) {
	sorted := slices.Clone(o)
	slices.SortFunc(sorted, func(a, b member) int { return compareUTF16(a.name, b.name) })
	dst = append(dst, '{')
	var err error
	for i, m := range sorted {
		if i > 0 {
			if m.name == sorted[i-1].name {
				return nil, errSameName
			}
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, m.name); err != nil {
			return nil, err
		}
		dst = append(dst, ':')
		if dst, err = appendCanonical(dst, m.value); err != nil {
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
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\r':
			dst = append(dst, '\\', 'r')
		default:
			if c < 0x20 {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
			} else {
				dst = append(dst, c)
			}
		}
	}
	return append(dst, '"'), nil
}

// canonical is the entry as it is hashed: all of it but the hash. Times are
// milliseconds since 1970 UTC, empty texts are left out.
func (e Entry) canonical() ([]byte, error) {
	event := object{{"time", e.Event.Time.UnixMilli()}}
	for _, text := range []member{
		{"id", e.Event.ID},
		{"service", e.Event.Service},
		{"action", e.Event.Action},
		{"outcome", e.Event.Outcome},
		{"account", e.Event.Account},
		{"session", e.Event.Session},
		{"target", e.Event.Target},
		{"address", e.Event.Address},
		{"device", e.Event.Device},
		{"user_agent", e.Event.UserAgent},
		{"request_id", e.Event.RequestID},
		{"reason", e.Event.Reason},
	} {
		if text.value != "" {
			event = append(event, text)
		}
	}
	if len(e.Event.Data) > 0 {
		data := make(object, 0, len(e.Event.Data))
		for name, value := range e.Event.Data {
			data = append(data, member{name, value})
		}
		event = append(event, member{"data", data})
	}
	return appendCanonical(make([]byte, 0, 768), object{
		{"event", event},
		{"prev_hash", e.PrevHash.String()},
		{"seq", e.Seq},
		{"stored_at", e.StoredAt.UnixMilli()},
	})
}

func (e Entry) computeHash() (Hash, error) {
	form, err := e.canonical()
	if err != nil {
		return Hash{}, fmt.Errorf("entry %d has no canonical form: %w", e.Seq, err)
	}
	return sha256.Sum256(form), nil
}
