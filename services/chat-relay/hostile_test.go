package chatrelay_test

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/shared/testkit"
)

// R5.4, CA C6: a text that readers would read differently, or not at all, is a violation by its own name, and the socket
// goes on; what it would have said is not said.
func TestHostileJSON(t *testing.T) {
	w := newWorld(t, options{})
	conversation := w.start(1, "direct", 2).Id
	send := `{"type":"send","client_id":"c","conversation":"` + conversation + `","kind":"text","text":"hola"}`
	frames := map[string]string{}
	for name, text := range testkit.HostileJSON(send) {
		frames[name] = text
	}
	for name, text := range map[string]string{
		"high half in the text":  `\ud800`,
		"low half in the text":   `\udc00 a`,
		"halves in wrong order":  `\udc00\ud800`,
		"no UTF-8 in the text":   "\xff",
		"overlong in the text":   "\xc0\xaf",
		"surrogate in the text":  "\xed\xa0\x80",
		"cut-off UTF-8 sequence": "\xf0\x9f\x98",
	} {
		frames[name] = strings.Replace(send, "hola", text, 1)
	}
	who := 2 // each socket is of somebody else: three faults end one, and an account has ten
	for name, frame := range frames {
		who++
		if len(frame) > 16<<10 {
			continue // too long before it is anything else
		}
		t.Run(name, func(t *testing.T) {
			c := w.connect(who, nil)
			defer c.ws.Close()
			want := "not_json"
			if strings.HasPrefix(name, "doubled") {
				want = "duplicate_field"
			}
			c.raw(websocket.TextMessage, []byte(frame))
			if e := expect[chatframes.ServerError](c); e.Fault != want || strings.Contains(e.Detail, "hola") || e.Detail == "" {
				t.Errorf("answered %+v, want %s", e, want)
			}
			c.raw(websocket.TextMessage, []byte(`{"type":"ping"}`))
			expect[chatframes.ServerPong](c)
		})
	}
	t.Run("what only looks alike", func(t *testing.T) {
		for frame, want := range map[string]string{
			strings.Replace(send, `"kind"`, "\"\u212aind\"", 1):               "unknown_field", // the Kelvin sign
			strings.Replace(send, `"text":"hola"`, `"Text":"hola"`, 1):        "unknown_field",
			strings.Replace(send, `}`, `,"reply_to":9223372036854775808}`, 1): "wrong_value",
			strings.Replace(send, `}`, `,"reply_to":1e0}`, 1):                 "wrong_type",
			strings.Replace(send, `}`, `,"reply_to":null}`, 1):                "wrong_type",
		} {
			who++
			c := w.connect(who, nil)
			c.raw(websocket.TextMessage, []byte(frame))
			if e := expect[chatframes.ServerError](c); e.Fault != want {
				t.Errorf("%s: answered %+v, want %s", frame, e, want)
			}
		}
	})
	c := w.connect(1, nil)
	if first := c.accepted(conversation, "c", "hola"); first.Seq != 1 {
		t.Errorf("something of that was stored: the first message has the number %d", first.Seq)
	}
}
