package protocol

import (
	"strings"

	"github.com/go-json-experiment/json"

	"centinela/openapi/gen/chatframes"
	"centinela/shared/strictjson"
)

// Decode reads one frame of the client in a state. It returns the frame, or what is wrong with it: the first fault in
// the order binary, JSON, type, state, fields. Nothing is guessed, converted or ignored.
func Decode(state chatframes.State, binary bool, data []byte) (chatframes.ClientFrame, *Violation) {
	v := &Violation{State: state, Size: len(data)}
	if binary {
		v.Fault = BinaryFrame
		return nil, v
	}
	frameType, wrong := chatframes.Check(chatframes.Client, state, data)
	v.Type = printable(frameType)
	if wrong != nil {
		v.breaks(wrong, chatframes.NewClient(frameType) != nil)
		return nil, v
	}
	frame := chatframes.NewClient(frameType)
	if err := json.Unmarshal(data, frame); err != nil {
		v.Fault = NotJSON // the check let through what the struct can't hold; the fuzz target looks for it
		return nil, v
	}
	return frame, nil
}

// faults are what the rules of a frame's members are called on the wire.
var faults = map[strictjson.Keyword]Fault{
	strictjson.Required: MissingField, strictjson.Unknown: UnknownField, strictjson.Type: WrongType,
	strictjson.MinLength: WrongLength, strictjson.MaxLength: WrongLength,
	strictjson.MaxItems: WrongLength, strictjson.MaxProperties: WrongLength,
	strictjson.Minimum: WrongValue, strictjson.Maximum: WrongValue, strictjson.Enum: WrongValue,
	strictjson.Pattern: WrongValue, strictjson.Format: WrongValue,
}

// breaks names the fault; known says whether there is a frame of the type.
func (v *Violation) breaks(wrong *strictjson.Fault, known bool) {
	v.detail = wrong.Detail()
	fault, ok := faults[wrong.Keyword]
	switch {
	case wrong.Keyword == strictjson.Duplicate:
		v.Fault = DuplicateField // the names are the client's: none is kept
	case !ok, wrong.Pointer == "" && fault == WrongType:
		v.Fault = NotJSON // or no object
	case wrong.Pointer == "/type" && fault == WrongType:
		v.Fault = MissingType
	case wrong.Pointer == "/type" && known:
		v.Fault = WrongState
	case wrong.Pointer == "/type":
		v.Fault = UnknownType
	default:
		v.Fault, v.Field = fault, strings.TrimPrefix(wrong.Pointer, "/")
	}
}
