package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"centinela/openapi/gen/chatframes"
)

// fits holds a frame against the specification before it is sent. The server
// takes one that breaks it for an attack: it counts them, closes the socket at
// the third, and then refuses the address (R5.4). One that waits to be sent
// again after a cut would do all of that by itself.
func (c *Chat) fits(frame chatframes.ClientFrame) error {
	fields := fieldsOf(frame)
	var wrong []FieldProblem
	for _, spec := range chatframes.ClientSpec(frame.FrameType()).Fields {
		if fault := misfit(spec, fields[spec.Name]); fault != "" {
			wrong = append(wrong, FieldProblem{Pointer: "/" + spec.Name, Code: CodeInvalidField, Detail: fault})
		}
	}
	if len(wrong) > 0 {
		return &Problem{Code: CodeInvalidField, Detail: "the chat doesn't take this", Errors: wrong}
	}
	data, err := encode(frame)
	if err != nil {
		return err
	}
	c.mu.Lock()
	longest := c.longest
	c.mu.Unlock()
	if longest > 0 && int64(len(data)) > longest {
		return &Problem{Code: CodeInvalidField, Detail: fmt.Sprintf("this is %d bytes as a frame, the chat takes %d", len(data), longest)}
	}
	return nil
}

// fieldsOf are the fields that a person's app fills; what is left out of the
// frame when it is zero is left out here.
func fieldsOf(frame chatframes.ClientFrame) map[string]any {
	fields := map[string]any{}
	switch f := frame.(type) {
	case chatframes.ClientSend:
		fields["client_id"], fields["conversation"], fields["kind"], fields["text"] = f.ClientID, f.Conversation, f.Kind, f.Text
		fields["reply_to"] = f.ReplyTo
	case chatframes.ClientHistory:
		fields["conversation"], fields["before"], fields["limit"] = f.Conversation, f.Before, f.Limit
	case chatframes.ClientTyping:
		fields["conversation"] = f.Conversation
	case chatframes.ClientHello:
		fields["device"], fields["resume"] = f.Device, f.Resume
	}
	return fields
}

// misfit says what is wrong with a value, "" for nothing.
func misfit(spec chatframes.FieldSpec, value any) string {
	switch v := value.(type) {
	case string:
		return misfitText(spec, v)
	case int64:
		if (v != 0 || spec.Required) && (v < spec.Min || v > spec.Max) {
			return fmt.Sprintf("must be from %d to %d", spec.Min, spec.Max)
		}
	case map[string]int64:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if fault := misfitText(*spec.Keys, key); fault != "" {
				return "a name in it " + fault
			}
			if v[key] < spec.Values.Min || v[key] > spec.Values.Max {
				return fmt.Sprintf("a number in it must be from %d to %d", spec.Values.Min, spec.Values.Max)
			}
		}
	}
	return ""
}

func misfitText(spec chatframes.FieldSpec, text string) string {
	n := utf8.RuneCountInString(text)
	switch {
	case n == 0 && !spec.Required && spec.MinLength > 0:
		return "" // left out
	case n < spec.MinLength || (spec.MaxLength > 0 && n > spec.MaxLength):
		return fmt.Sprintf("must have %d to %d characters, has %d", spec.MinLength, spec.MaxLength, n)
	case !utf8.ValidString(text):
		return "must be UTF-8"
	case spec.Pattern != nil && !spec.Pattern.MatchString(text):
		return "has characters that are not taken here"
	}
	return ""
}

// encode is the frame as JSON. A text is written as it is: json.Marshal makes six
// bytes of each < > and &, by which a text that is short enough in characters
// would be too long as a frame.
func encode(frame chatframes.ClientFrame) ([]byte, error) {
	send, ok := frame.(chatframes.ClientSend)
	if !ok {
		data, err := frame.Encode()
		if err != nil {
			return nil, fmt.Errorf("sdk: chat: %w", err)
		}
		return data, nil
	}
	send.Type = send.FrameType()
	var out bytes.Buffer
	to := json.NewEncoder(&out)
	to.SetEscapeHTML(false)
	if err := to.Encode(send); err != nil {
		return nil, fmt.Errorf("sdk: chat: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
