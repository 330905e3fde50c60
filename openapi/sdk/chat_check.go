package sdk

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"centinela/openapi/gen/chatframes"
)

// fits holds a frame against the specification before it is sent, as the server
// will in that state. The server takes one that breaks it for an attack: it
// counts them, closes the socket at the third, and then refuses the address
// (R5.4). One that waits to be sent again after a cut would do all of that by
// itself.
func (c *Chat) fits(in chatframes.State, frame chatframes.ClientFrame) error {
	data, err := frame.Encode()
	if bad, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return misfit(string(bad.JSONPointer), "must be UTF-8")
	}
	if err != nil {
		return fmt.Errorf("sdk: chat: %w", err)
	}
	if _, wrong := chatframes.Check(chatframes.Client, in, data); wrong != nil {
		return misfit(wrong.Pointer, wrong.Detail())
	}
	c.mu.Lock()
	longest := c.longest
	c.mu.Unlock()
	if longest > 0 && int64(len(data)) > longest {
		return &Problem{Code: CodeInvalidField, Detail: fmt.Sprintf("this is %d bytes as a frame, the chat takes %d", len(data), longest)}
	}
	return nil
}

func misfit(pointer, detail string) *Problem {
	return &Problem{
		Code: CodeInvalidField, Detail: "the chat doesn't take this",
		Errors: []FieldProblem{{Pointer: pointer, Code: CodeInvalidField, Detail: detail}},
	}
}

// resumable is fits for all hellos that resume may take part in.
func (c *Chat) resumable(resume map[string]int64) error {
	if err := c.fits(chatframes.StateGreeted, chatframes.ClientHello{Device: string(*c.s.c.device)}); err != nil {
		return err
	}
	for names := range slices.Chunk(slices.Sorted(maps.Keys(resume)), maxResume) {
		part := make(map[string]int64, len(names))
		for _, name := range names {
			part[name] = resume[name]
		}
		if err := c.fits(chatframes.StateGreeted, chatframes.ClientHello{Resume: part}); err != nil {
			return err
		}
	}
	return nil
}
