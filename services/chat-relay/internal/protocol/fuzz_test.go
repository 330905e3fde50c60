package protocol

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"centinela/openapi/gen/chatframes"
)

// FuzzDecode holds that the decoder never panics, that it and the automaton agree, that what is taken survives a round
// trip, and that what is refused for its fields is not something that a plain reading would call equal to a taken one.
func FuzzDecode(f *testing.F) {
	for _, frame := range good {
		f.Add(uint8(chatframes.StateReady), false, []byte(frame))
		f.Add(uint8(chatframes.StateConnected), false, []byte(frame))
	}
	f.Add(uint8(chatframes.StateReady), true, []byte{0x52})
	f.Fuzz(func(t *testing.T, at uint8, binary bool, data []byte) {
		state := chatframes.State(at % 4)
		frame, v := Decode(state, binary, data)
		if (frame == nil) == (v == nil) {
			t.Fatalf("frame %v and violation %v", frame, v)
		}
		var plain struct{ Type *string }
		isObject := bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) && json.Unmarshal(data, &map[string]any{}) == nil
		if v != nil {
			if len(v.Type) > maxTypeShown || v.Size != len(data) || v.State != state || v.Error() == "" {
				t.Fatalf("violation %+v", v)
			}
			if v.Fault == WrongState && strings.Contains(" "+taken[state.String()]+" ", " "+v.Type+" ") {
				t.Fatalf("the automaton takes %s in %s", v.Type, state)
			}
			return
		}
		if binary || !isObject || json.Unmarshal(data, &plain) != nil {
			t.Fatalf("taken, but no JSON object: %q", data)
		}
		if !strings.Contains(" "+taken[state.String()]+" ", " "+frame.FrameType()+" ") {
			t.Fatalf("taken, but %s doesn't take %s", state, frame.FrameType())
		}
		again, err := frame.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, v := Decode(state, false, again)
		if v != nil || !sameFrame(frame, back) {
			t.Fatalf("%s → %s → %v (%v)", data, again, back, v)
		}
	})
}

// sameFrame takes an empty resume and none for the same.
func sameFrame(a, b chatframes.ClientFrame) bool {
	if ha, ok := a.(*chatframes.ClientHello); ok && len(ha.Resume) == 0 {
		hb := *b.(*chatframes.ClientHello)
		ha.Resume, hb.Resume = nil, nil
		return reflect.DeepEqual(*ha, hb)
	}
	return reflect.DeepEqual(a, b)
}
