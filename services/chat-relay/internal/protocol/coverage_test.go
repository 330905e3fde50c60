package protocol

import (
	"strings"
	"testing"

	"centinela/openapi/gen/chatframes"
)

// good is a frame of each type that keeps all bounds.
var good = map[string]string{
	"hello":   `{"type":"hello","token":"t"}`,
	"send":    `{"type":"send","client_id":"c","conversation":"` + cnv + `","kind":"text","text":"hola"}`,
	"history": `{"type":"history","conversation":"` + cnv + `","limit":50}`,
	"typing":  `{"type":"typing","conversation":"` + cnv + `"}`,
	"ping":    `{"type":"ping"}`,
}

// taken are the frames that each state takes, written down a second time on purpose: a slip in the specification must
// not pass by itself.
var taken = map[string]string{
	"connected": "hello", "greeted": "hello ping", "ready": "send history typing ping", "closing": "",
}

// R5.4: the coverage report: each state × each frame type × accepted or refused, and what is expected of each.
func TestCoverageOfStatesAndFrames(t *testing.T) {
	types := chatframes.ClientTypes()
	if len(types) != len(good) {
		t.Errorf("the specification has %v, this test knows %d", types, len(good))
	}
	for _, state := range chatframes.States() {
		for _, frameType := range append(types, "0x52", "binary") {
			frame, ok := good[frameType]
			if !ok {
				frame = `{"type":"` + frameType + `"}`
			}
			_, v := Decode(state, frameType == "binary", []byte(frame))
			result := "accepted"
			if v != nil {
				result = "refused " + string(v.Fault)
			}
			t.Logf("%-10s %-8s %s", state, frameType, result)
			want := strings.Contains(" "+taken[state.String()]+" ", " "+frameType+" ")
			if want != (v == nil) {
				t.Errorf("%s in %s: %s", frameType, state, result)
			}
			if v != nil && ok && v.Fault != WrongState {
				t.Errorf("%s in %s: %s, want wrong_state", frameType, state, v.Fault)
			}
		}
	}
}
