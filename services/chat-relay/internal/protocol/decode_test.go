package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"centinela/openapi/gen/chatframes"
)

const (
	ready = chatframes.StateReady
	cnv   = "cnv_0123456789abcdefghjkmnpq"
)

func send(change string) string {
	fields := map[string]string{
		"type": `"send"`, "client_id": `"c1"`, "conversation": `"` + cnv + `"`, "kind": `"text"`, "text": `"hola"`,
	}
	name, value, _ := strings.Cut(change, "=")
	switch {
	case change == "":
	case value == "":
		delete(fields, name)
	default:
		fields[name] = value
	}
	raw := map[string]json.RawMessage{}
	for k, v := range fields {
		raw[k] = json.RawMessage(v)
	}
	out, err := json.Marshal(raw)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// R5.4, R4.1: every kind of wrong frame is refused, and the violation names the fault.
func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name, frame string
		want        Fault
		field       string
	}{
		{"empty", ``, NotJSON, ""},
		{"0x52 as text", "\x52", NotJSON, ""},
		{"not UTF-8", "{\"type\":\"ping\",\"x\":\"\xff\"}", NotJSON, ""},
		{"an array", `[{"type":"ping"}]`, NotJSON, ""},
		{"two frames", `{"type":"ping"}{"type":"ping"}`, NotJSON, ""},
		{"no type", `{}`, MissingType, ""},
		{"type null", `{"type":null}`, MissingType, ""},
		{"type an object", `{"type":{"$gt":""}}`, MissingType, ""},
		{"unknown type", `{"type":"0x52"}`, UnknownType, ""},
		{"type in other case", `{"type":"Ping"}`, UnknownType, ""},
		{"a server's frame", `{"type":"welcome"}`, UnknownType, ""},
		{"wrong state", `{"type":"hello"}`, WrongState, ""},
		{"unknown field", `{"type":"ping","admin":true}`, UnknownField, ""},
		{"field in other case", send("")[:len(send(""))-1] + `,"Text":"x"}`, UnknownField, ""},
		{"doubled type", `{"type":"ping","type":"ping"}`, DuplicateField, ""},
		{"doubled field", send("")[:len(send(""))-1] + `,"text":"other"}`, DuplicateField, ""},
		{"doubled by an escape", send("")[:len(send(""))-1] + `,"te\u0078t":"other"}`, DuplicateField, ""},
		{"sender forged", send(`sender="acc_0123456789abcdefghjkmnpq"`), UnknownField, ""},
		{"seq forged", send(`seq=1`), UnknownField, ""},
		{"missing text", send("text="), MissingField, "text"},
		{"text an operator", send(`text={"$gt":""}`), WrongType, "text"},
		{"text null", send("text=null"), WrongType, "text"},
		{"text a number", send("text=7"), WrongType, "text"},
		{"text empty", send(`text=""`), WrongLength, "text"},
		{"text too long", send(`text="` + strings.Repeat("ñ", 4001) + `"`), WrongLength, "text"},
		{"kind not in the list", send(`kind="file"`), WrongValue, "kind"},
		{"conversation too short", send(`conversation="cnv_1"`), WrongLength, "conversation"},
		{"conversation of a wrong form", send(`conversation="acc_0123456789abcdefghjkmnpq"`), WrongValue, "conversation"},
		{"client_id with a blank", send(`client_id="a b"`), WrongValue, "client_id"},
		{"reply_to zero", send("reply_to=0"), WrongValue, "reply_to"},
		{"reply_to a text", send(`reply_to="1"`), WrongType, "reply_to"},
		{"reply_to with an exponent", send("reply_to=1e3"), WrongType, "reply_to"},
		{"reply_to over 64 bits", send("reply_to=99999999999999999999"), WrongValue, "reply_to"},
		{"limit over 100", `{"type":"history","conversation":"` + cnv + `","limit":101}`, WrongValue, "limit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, v := Decode(ready, false, []byte(c.frame))
			if v == nil {
				t.Fatalf("taken as %+v", frame)
			}
			if v.Fault != c.want || v.Field != c.field || v.Size != len(c.frame) || v.State != ready {
				t.Errorf("violation = %+v, want %s in %q", v, c.want, c.field)
			}
			if v.Error() == "" || len(v.Error()) > 200 {
				t.Errorf("detail = %q", v.Error())
			}
		})
	}
}

// R5.4: the source's own example, the byte 0x52 in a binary frame.
func TestDecodeRefusesBinary(t *testing.T) {
	for _, state := range chatframes.States() {
		if _, v := Decode(state, true, []byte{0x52}); v == nil || v.Fault != BinaryFrame {
			t.Errorf("%s: %+v", state, v)
		}
	}
	if _, v := Decode(ready, true, []byte(`{"type":"ping"}`)); v == nil || v.Fault != BinaryFrame {
		t.Errorf("a good frame as binary: %+v", v)
	}
}

func TestDecodeResume(t *testing.T) {
	hello := func(resume string) string { return `{"type":"hello","token":"t","resume":` + resume + `}` }
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf(`"cnv_%024d":1`, i)
	}
	for _, c := range []struct {
		name, resume string
		want         Fault
	}{
		{"none", `{}`, ""},
		{"two", `{"cnv_0123456789abcdefghjkmnpq":0,"cnv_1123456789abcdefghjkmnpq":7}`, ""},
		{"a list", `[]`, WrongType},
		{"a value of another type", `{"cnv_0123456789abcdefghjkmnpq":"0"}`, WrongType},
		{"negative", `{"cnv_0123456789abcdefghjkmnpq":-1}`, WrongValue},
		{"a key of another form", `{"$where":1}`, WrongValue},
		{"doubled", `{"cnv_0123456789abcdefghjkmnpq":0,"cnv_0123456789abcdefghjkmnpq":1}`, DuplicateField},
		{"too many", `{` + strings.Join(many, ",") + `}`, WrongLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, v := Decode(chatframes.StateConnected, false, []byte(hello(c.resume)))
			if (v == nil) != (c.want == "") || (v != nil && v.Fault != c.want) {
				t.Errorf("violation = %+v, want %q", v, c.want)
			}
		})
	}
}

func TestDecodeTakes(t *testing.T) {
	frame, v := Decode(ready, false, []byte(" {\"type\" : \"send\",\n\t\"client_id\":\"c\",\"conversation\":\""+cnv+`","kind":"text","text":"\u00f1\"}{,","reply_to":3} `))
	if v != nil {
		t.Fatal(v)
	}
	want := chatframes.ClientSend{Type: "send", ClientID: "c", Conversation: cnv, Kind: "text", Text: `ñ"}{,`, ReplyTo: 3}
	if got := *frame.(*chatframes.ClientSend); got != want {
		t.Errorf("got %+v", got)
	}
	if _, v := Decode(ready, false, []byte(send(`text="`+strings.Repeat("ñ", 4000)+`"`))); v != nil {
		t.Errorf("4,000 characters: %v", v)
	}
}

// A type that the client chose never reaches a log or a record but as 16 printable characters.
func TestViolationShowsLittle(t *testing.T) {
	_, v := Decode(ready, false, []byte(`{"type":"\u001b[31mñ`+strings.Repeat("x", 100)+`"}`))
	if v == nil || v.Type != "?[31m?xxxxxxxxxx" {
		t.Errorf("type = %q", v.Type)
	}
	_, v = Decode(ready, false, []byte(`{"type":"ping","hunter2":1}`))
	if v == nil || strings.Contains(v.Error()+v.Field, "hunter2") {
		t.Errorf("the name of an unknown field is shown: %v", v)
	}
}
