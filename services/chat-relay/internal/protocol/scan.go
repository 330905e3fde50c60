package protocol

import (
	"encoding/json"
	"strings"
)

// member is one name and value of an object, the value as it was written.
type member struct {
	name string
	raw  []byte
}

// maxMembers bounds the work on an object; no frame has more (resume: 100).
const maxMembers = 128

// object splits valid JSON into its members, doubled ones too: encoding/json would keep the last one of them silently.
// False if data is no object, or one with too many members.
func object(data []byte) ([]member, bool) {
	at := space(data, 0)
	if data[at] != '{' {
		return nil, false
	}
	var members []member
	at = space(data, at+1)
	for data[at] != '}' {
		if len(members) == maxMembers {
			return nil, false
		}
		end := value(data, at)
		name, ok := text(data[at:end])
		if !ok {
			return nil, false
		}
		at = space(data, space(data, end)+1) // behind the colon
		end = value(data, at)
		members = append(members, member{name, data[at:end]})
		if at = space(data, end); data[at] == ',' {
			at = space(data, at+1)
		}
	}
	return members, true
}

// space returns the place of the next byte that isn't white space (RFC 8259 §2).
func space(data []byte, at int) int {
	for data[at] == ' ' || data[at] == '\t' || data[at] == '\n' || data[at] == '\r' {
		at++
	}
	return at
}

// value returns the place behind the value that begins at at.
func value(data []byte, at int) int {
	switch data[at] {
	case '"':
		return stringEnd(data, at)
	case '{', '[':
		depth := 0
		for {
			switch data[at] {
			case '"':
				at = stringEnd(data, at)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			at++
			if depth == 0 {
				return at
			}
		}
	default: // number, true, false, null
		for at < len(data) && !strings.ContainsRune(",]} \t\n\r", rune(data[at])) {
			at++
		}
		return at
	}
}

func stringEnd(data []byte, at int) int {
	for at++; data[at] != '"'; at++ {
		if data[at] == '\\' {
			at++
		}
	}
	return at + 1
}

// text is the string that raw is; false for another type.
func text(raw []byte) (string, bool) {
	if raw[0] != '"' {
		return "", false
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", false
	}
	return s, true
}
