package httpkit

import (
	"encoding/json"
	"errors"
	"unicode/utf8"
)

var (
	errJSONSyntax    = errors.New("the body is not valid JSON")
	errJSONDepth     = errors.New("the body is nested too deeply")
	errJSONDuplicate = errors.New("the body names a field twice")
)

// scanJSON checks what a decoder lets pass: valid UTF-8, one value, at most maxJSONDepth levels, and no name twice in
// one object, where two readers may take different ones (RFC 8259 §4). Its errors hold nothing of the body.
func scanJSON(body []byte) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return errJSONSyntax
	}
	// From here on the text is valid, so the scan only has to tell strings from structure.
	var open []map[string]bool // one for each level; nil for an array
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '{', '[':
			if len(open) == maxJSONDepth {
				return errJSONDepth
			}
			var names map[string]bool
			if body[i] == '{' {
				names = make(map[string]bool)
			}
			open = append(open, names)
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := stringEnd(body, i)
			if isName(body, end) {
				var name string
				if err := json.Unmarshal(body[i:end], &name); err != nil {
					return errJSONSyntax
				}
				names := open[len(open)-1]
				if names[name] {
					return errJSONDuplicate
				}
				names[name] = true
			}
			i = end - 1
		}
	}
	return nil
}

// stringEnd returns the index after the closing quote of the string that opens at start.
func stringEnd(body []byte, start int) int {
	for i := start + 1; ; i++ {
		switch body[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// isName tells whether what ended at end is followed by a colon.
func isName(body []byte, end int) bool {
	for ; end < len(body); end++ {
		switch body[end] {
		case ' ', '\t', '\r', '\n':
		default:
			return body[end] == ':'
		}
	}
	return false
}
