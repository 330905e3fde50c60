package protocol

import (
	"fmt"

	"centinela/openapi/gen/chatframes"
)

// Fault is the kind of a violation: it goes to the client, to audit and into a metric's label.
type Fault string

// The faults.
const (
	BadFraming     Fault = "bad_framing"     // bytes that are no WebSocket frame: a reserved bit or opcode, no mask, a bad length
	BinaryFrame    Fault = "binary_frame"    // a frame that isn't text
	TooLong        Fault = "too_long"        // a frame over the limit
	TooFast        Fault = "too_fast"        // more bytes a second than a socket may send
	NotJSON        Fault = "not_json"        // not one JSON object in UTF-8, of whole characters and at most 16 levels
	MissingType    Fault = "missing_type"    // no type, or not a text
	UnknownType    Fault = "unknown_type"    // a type that no state takes (0x52)
	WrongState     Fault = "wrong_state"     // a type that this state doesn't take
	UnknownField   Fault = "unknown_field"   // a field that the frame doesn't have
	DuplicateField Fault = "duplicate_field" // a field twice: readers would differ on which one counts
	MissingField   Fault = "missing_field"   // a required field isn't there
	WrongType      Fault = "wrong_type"      // another JSON type than the field's, null too
	WrongLength    Fault = "wrong_length"    // too few or too many characters, or entries
	WrongValue     Fault = "wrong_value"     // outside of the field's range, list or form
)

// Faults is every fault.
func Faults() []Fault {
	return []Fault{
		BadFraming, BinaryFrame, TooLong, TooFast, NotJSON, MissingType, UnknownType, WrongState, UnknownField,
		DuplicateField, MissingField, WrongType, WrongLength, WrongValue,
	}
}

// Violation is a frame that broke the protocol.
type Violation struct {
	Fault Fault
	Type  string           // the frame's type as the client wrote it, printable ASCII, at most 16 characters
	Field string           // a field of the specification, "compose/ms" for one inside; never a name that the client made up
	State chatframes.State // the socket's
	Size  int              // bytes of the frame

	detail string // the rule in words, with its limits
}

// Error says it for a person, without anything of the frame's content but its type.
func (v *Violation) Error() string {
	switch v.Fault {
	case UnknownType:
		return fmt.Sprintf("no frame has the type %q", v.Type)
	case WrongState:
		return fmt.Sprintf("%s is not taken in the state %s", v.Type, v.State)
	case BadFraming:
		return "not a WebSocket frame"
	case BinaryFrame:
		return "frames are text"
	case TooLong:
		return "the frame is too long"
	case TooFast:
		return "too many bytes a second"
	case MissingType:
		return "the frame has no type"
	case NotJSON, DuplicateField:
		return "the frame " + v.detail
	default:
		if v.Field == "" {
			return v.Type + " " + v.detail
		}
		return fmt.Sprintf("%s: %s %s", v.Type, v.Field, v.detail)
	}
}

const maxTypeShown = 16

// printable is what of a client's text may be shown: printable ASCII, the rest as "?", at most 16 characters.
func printable(s string) string {
	out := make([]byte, 0, maxTypeShown)
	for _, r := range s {
		if len(out) == maxTypeShown {
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		out = append(out, byte(r))
	}
	return string(out)
}
