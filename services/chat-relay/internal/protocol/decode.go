package protocol

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"

	"centinela/openapi/gen/chatframes"
)

// Decode reads one frame of the client in a state. It returns the frame, or what is wrong with it: the first fault in
// the order binary, JSON, type, state, fields. Nothing is guessed, converted or ignored.
func Decode(state chatframes.State, binary bool, data []byte) (chatframes.ClientFrame, *Violation) {
	v := &Violation{State: state, Size: len(data)}
	if binary {
		return nil, v.is(BinaryFrame, "")
	}
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, v.is(NotJSON, "")
	}
	members, ok := object(data)
	if !ok {
		return nil, v.is(NotJSON, "")
	}
	frameType, ok := typeOf(members)
	if !ok {
		return nil, v.is(MissingType, "")
	}
	v.Type = printable(frameType)
	spec := chatframes.ClientSpec(frameType)
	if spec == nil {
		return nil, v.is(UnknownType, "")
	}
	if !spec.Takes(state) {
		return nil, v.is(WrongState, "")
	}
	if fault, field := check(spec, members); fault != "" {
		return nil, v.is(fault, field)
	}
	frame := chatframes.NewClient(frameType)
	if err := json.Unmarshal(data, frame); err != nil {
		return nil, v.is(NotJSON, "") // the table let through what the struct can't hold; the fuzz target looks for it
	}
	return frame, nil
}

// CheckServer holds a frame of the server against the table: for tests and clients that want to be strict.
func CheckServer(data []byte) *Violation {
	v := &Violation{Size: len(data)}
	members, ok := []member(nil), json.Valid(data)
	if ok {
		members, ok = object(data)
	}
	if !ok {
		return v.is(NotJSON, "")
	}
	frameType, ok := typeOf(members)
	if !ok {
		return v.is(MissingType, "")
	}
	v.Type = printable(frameType)
	spec := chatframes.ServerSpec(frameType)
	if spec == nil {
		return v.is(UnknownType, "")
	}
	if fault, field := check(spec, members); fault != "" {
		return v.is(fault, field)
	}
	return nil
}

func (v *Violation) is(fault Fault, field string) *Violation {
	v.Fault, v.Field = fault, field
	return v
}

func typeOf(members []member) (string, bool) {
	for _, m := range members {
		if m.name == "type" {
			return text(m.raw)
		}
	}
	return "", false
}

// check holds the members against the frame's fields and returns the first fault and the field it is in.
func check(spec *chatframes.FrameSpec, members []member) (Fault, string) {
	for i, m := range members {
		if slices.ContainsFunc(members[:i], func(before member) bool { return before.name == m.name }) {
			return DuplicateField, ""
		}
		if m.name == "type" {
			continue
		}
		field := spec.Field(m.name)
		if field == nil {
			return UnknownField, ""
		}
		if fault := checkValue(field, m.raw); fault != "" {
			return fault, field.Name
		}
	}
	for i := range spec.Fields {
		field := &spec.Fields[i]
		if field.Required && !slices.ContainsFunc(members, func(m member) bool { return m.name == field.Name }) {
			return MissingField, field.Name
		}
	}
	return "", ""
}

func checkValue(field *chatframes.FieldSpec, raw []byte) Fault {
	switch field.Kind {
	case chatframes.KindString:
		s, ok := text(raw)
		if !ok {
			return WrongType
		}
		return checkText(field, s)
	case chatframes.KindInteger:
		return checkInteger(field, raw)
	case chatframes.KindBoolean:
		if raw[0] != 't' && raw[0] != 'f' {
			return WrongType
		}
	case chatframes.KindArray:
		if raw[0] != '[' {
			return WrongType
		}
	case chatframes.KindObject:
		if raw[0] != '{' {
			return WrongType
		}
		if field.Keys != nil {
			return checkMap(field, raw)
		}
	}
	return ""
}

func checkText(field *chatframes.FieldSpec, s string) Fault {
	n := utf8.RuneCountInString(s)
	if n < field.MinLength || (field.MaxLength > 0 && n > field.MaxLength) {
		return WrongLength
	}
	if len(field.Enum) > 0 && !slices.Contains(field.Enum, s) {
		return WrongValue
	}
	if field.Pattern != nil && !field.Pattern.MatchString(s) {
		return WrongValue
	}
	return ""
}

func checkInteger(field *chatframes.FieldSpec, raw []byte) Fault {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return WrongType
	}
	for _, c := range raw {
		if c == '.' || c == 'e' || c == 'E' {
			return WrongType // 1e3 and 1.0 are integers to some readers and not to others
		}
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < field.Min || n > field.Max {
		return WrongValue
	}
	return ""
}

func checkMap(field *chatframes.FieldSpec, raw []byte) Fault {
	members, _ := object(raw) // raw is an object, the caller looked
	if field.MaxItems > 0 && len(members) > field.MaxItems {
		return WrongLength
	}
	for i, m := range members {
		if slices.ContainsFunc(members[:i], func(before member) bool { return before.name == m.name }) {
			return DuplicateField
		}
		if fault := checkText(field.Keys, m.name); fault != "" {
			return fault
		}
		if fault := checkValue(field.Values, m.raw); fault != "" {
			return fault
		}
	}
	return ""
}
