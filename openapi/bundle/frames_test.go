package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"centinela/openapi/bundle/testdata/deep"
	"centinela/shared/strictjson"
)

var update = flag.Bool("update", false, "write the golden files")

const deepSpec, deepGolden = "testdata/deep.yaml", "testdata/deep/frames.gen.go"

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The output for a specification with every kind of schema is the golden file, a package that the tests below use.
func TestFramesGolden(t *testing.T) {
	code, err := framesCode(read(t, deepSpec), "deep.yaml", "deep")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(deepGolden, code, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(code, read(t, deepGolden)) {
		t.Errorf("%s is not what the generator makes: look at the difference, then go test ./openapi/bundle -update", deepGolden)
	}
}

// KB D6: what the specification says of members inside members is enforced, at every depth.
func TestFramesCheckDepth(t *testing.T) {
	send := func(members string) string { return `{"type":"send","kind":"text","rooms":[],` + members + `}` }
	for _, c := range []struct {
		text    string
		from    deep.End
		in      deep.State
		want    strictjson.Keyword
		pointer string
	}{
		{text: send(`"compose":{"ms":1,"keys":2,"edits":0,"pastes":100},"members":[{"id":"a","roles":["owner"]}],"seen":{"a":9}`)},
		{text: send(`"text":"ñandú","count":-3,"quiet":true,"at":"2026-11-23T10:00:00Z"`)},
		{text: send(`"compose":{"ms":-1,"evil":1},"members":[1,"2",null,{},5]`), want: strictjson.Unknown, pointer: "/compose"},
		{text: send(`"compose":{"ms":-1,"ms":"x","evil":1}`), want: strictjson.Duplicate, pointer: "/compose/ms"},
		{text: send(`"compose":{"ms":-1}`), want: strictjson.Minimum, pointer: "/compose/ms"},
		{text: send(`"compose":{"ms":1,"pastes":101}`), want: strictjson.Maximum, pointer: "/compose/pastes"},
		{text: send(`"compose":{"keys":1}`), want: strictjson.Required, pointer: "/compose/ms"},
		{text: send(`"compose":[]`), want: strictjson.Type, pointer: "/compose"},
		{text: send(`"members":[1,"2",null,{},5]`), want: strictjson.MaxItems, pointer: "/members"},
		{text: send(`"members":[{"id":"a","roles":[]},null]`), want: strictjson.Type, pointer: "/members/1"},
		{text: send(`"members":[{"id":"a","roles":["owner","boss"]}]`), want: strictjson.Enum, pointer: "/members/0/roles/1"},
		{text: send(`"members":[{"id":"a","roles":[],"r\u006fles":[]}]`), want: strictjson.Duplicate, pointer: "/members/0/roles"},
		{text: send(`"members":[{"roles":[]}]`), want: strictjson.Required, pointer: "/members/0/id"},
		{text: send(`"seen":{"a":1,"b":2,"c":3}`), want: strictjson.MaxProperties, pointer: "/seen"},
		{text: send(`"seen":{"a":10}`), want: strictjson.Maximum, pointer: "/seen"},
		{text: send(`"text":"ñandúes"`), want: strictjson.MaxLength, pointer: "/text"},
		{text: send(`"at":"yesterday"`), want: strictjson.Format, pointer: "/at"},
		{text: send(`"evil":1`), want: strictjson.Unknown},
		{text: `{"type":"send","kind":"text"}`, want: strictjson.Required, pointer: "/rooms"},
		{text: `[]`, want: strictjson.Type},
		{text: `{}`, want: strictjson.Type, pointer: "/type"},
		{text: `{"type":"note"}`, want: strictjson.Enum, pointer: "/type"},
		{text: send(`"quiet":true`), in: deep.StateDone, want: strictjson.Enum, pointer: "/type"},
		{text: `{"type":"bye"}`, in: deep.StateDone},
		{text: `{"type":"page","notes":[{"type":"note","text":"x","from":{}}]}`, from: deep.Server},
		{text: `{"type":"page","notes":[{"type":"note","text":"x","from":{"name":"y","z":1}}]}`, from: deep.Server, want: strictjson.Unknown, pointer: "/notes/0/from"},
		{text: `{"type":"page","notes":[{"type":"page","text":"x","from":{}}]}`, from: deep.Server, want: strictjson.Enum, pointer: "/notes/0/type"},
		{text: `{"type":"bye"}`, from: deep.Server, want: strictjson.Enum, pointer: "/type"},
	} {
		_, wrong := deep.Check(c.from, c.in, []byte(c.text))
		switch {
		case wrong == nil && c.want == "":
		case wrong == nil || wrong.Keyword != c.want || wrong.Pointer != c.pointer:
			t.Errorf("%s: %+v, want %s at %q", c.text, wrong, c.want, c.pointer)
		}
	}
}

// The generated types write what Check takes, and leave out what isn't there.
func TestFramesEncode(t *testing.T) {
	for want, frame := range map[string]deep.ClientFrame{
		`{"type":"send","kind":"text","rooms":[]}`: deep.ClientSend{Kind: "text"},
		`{"type":"send","kind":"text","text":"<&>","compose":{"ms":0},"members":[{"id":"a","roles":[]}],"seen":{"a":1},"rooms":["x"]}`: deep.ClientSend{
			Kind: "text", Text: "<&>", Compose: &deep.ClientSendCompose{}, Members: []deep.ClientSendMembers{{ID: "a"}}, Seen: map[string]int64{"a": 1}, Rooms: []string{"x"},
		},
	} {
		got, err := frame.Encode()
		if err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
		if _, wrong := deep.Check(deep.Client, deep.StateOpen, got); wrong != nil {
			t.Errorf("%s: %+v", got, wrong)
		}
	}
	if _, err := (deep.ClientSend{Kind: "text", Text: "\xff"}).Encode(); err == nil {
		t.Error("a text that isn't UTF-8 was written")
	}
}

// KB D6: what the check can't hold, the generator refuses, and says where.
func TestFramesRefuse(t *testing.T) {
	spec := string(read(t, deepSpec))
	for _, c := range []struct{ name, old, new, want string }{
		{"oneOf", `count: {type: integer, minimum: -3,`, `count: {oneOf: [], type: integer, minimum: -3,`, "clientSend: payload/properties/count: line 22: the checker can't hold oneOf here"},
		{"unknown keyword", `maxLength: 5, pattern`, `maxLength: 5, contentEncoding: base64, pattern`, "payload/properties/text: line 21: the checker can't hold contentEncoding here"},
		{"no maxLength", `id: {type: string, maxLength: 8}`, `id: {type: string}`, "payload/properties/members/items/properties/id: line 43: needs maxLength"},
		{"no maximum", `maximum: 100}`, `}`, "payload/properties/compose/properties/pastes: line 34: needs maximum"},
		{"no maxItems", `{type: array, maxItems: 3, `, `{type: array, `, "rooms: line 50: needs maxItems"},
		{"no items", `maxItems: 3, items: {type: string, maxLength: 4}`, `maxItems: 3`, "rooms: line 50: needs items"},
		{"no maxProperties", "            maxProperties: 2\n", "", "seen: line 46: needs maxProperties"},
		{"names without a bound", `propertyNames: {type: string, minLength: 1, maxLength: 3}`, `propertyNames: {type: string}`, "seen/propertyNames: line 48: needs maxLength"},
		{"names that are no texts", `propertyNames: {type: string, minLength: 1, maxLength: 3}`, `propertyNames: {type: boolean}`, "seen/propertyNames: line 46: must be rules of a string"},
		{"open object", `{type: object, additionalProperties: false, required: [type], properties: {type: {type: string, const: bye}}}`, `{type: object, required: [type], properties: {type: {type: string, const: bye}}}`, "clientBye: payload: line 55: needs additionalProperties"},
		{"object with anything", `required: [ms]`, `required: [ms, gone]`, "compose/properties: line 31: gone is required, and no property"},
		{"additionalProperties true", "additionalProperties: false\n            required: []", "additionalProperties: true\n            required: []", "from: line 67: additionalProperties must be false"},
		{"unknown type", `quiet: {type: boolean}`, `quiet: {type: number}`, `quiet: line 23: the checker has no type "number"`},
		{"no type", `quiet: {type: boolean}`, `quiet: {}`, `quiet: line 23: the checker has no type ""`},
		{"null as well", `quiet: {type: boolean}`, `quiet: {type: [boolean, "null"]}`, "quiet: line 23: the checker has no type"},
		{"unknown format", `format: date-time`, `format: email`, `at: line 24: the checker has no format "email"`},
		{"bound beside a list", `enum: [text, file]`, `enum: [text, file], maxLength: 4`, "kind: line 20: the checker can't hold maxLength here"},
		{"bad pattern", `pattern: "^[^ ]*$"`, `pattern: "^[^ *$"`, "text: line 21: error parsing regexp"},
		{"empty range", `minimum: -3, maximum: 9007199254740991`, `minimum: 3, maximum: 2`, "count: line 22: no value keeps these bounds"},
		{"a range with a fraction", `minimum: -3,`, `minimum: -3.5,`, "count: line 22: minimum must be an integer"},
		{"twice", `quiet: {type: boolean}`, `quiet: {type: boolean, type: string}`, "type"},
		{"itself", `items: {$ref: "#/components/messages/serverNote/payload"}`, `items: {$ref: "#/components/messages/serverPage/payload"}`, "not to one that it is in"},
		{"a reference to nothing", `items: {$ref: "#/components/messages/serverNote/payload"}`, `items: {$ref: "#/components/messages/gone/payload"}`, "notes/items: line 80: there is no #/components/messages/gone/payload"},
		{"a reference elsewhere", `items: {$ref: "#/components/messages/serverNote/payload"}`, `items: {$ref: "common.yaml#/x"}`, "notes/items: line 80"},
		{"a reference with more", `items: {$ref: "#/components/messages/serverNote/payload"}`, `items: {$ref: "#/components/messages/serverNote/payload", maxItems: 2}`, "notes/items: line 80"},
		{"another name", `name: bye`, `name: goodbye`, "clientBye: the key must be"},
		{"no states", `x-states: [open]`, `x-states: []`, "clientSend: x-states"},
		{"unknown state", `x-states: [open]`, `x-states: [shut]`, "clientSend: unknown state shut"},
		{"states of the server's", "summary: news\n", "summary: news\n      x-states: [open]\n", "serverNote: x-states"},
		{"type not first", `type: {type: string, const: page}`, `type: {type: string, maxLength: 4}`, "serverPage: payload: the first property must be type"},
		{"no states at all", `x-states: [open, done], `, ``, "channels.chat"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(spec, c.old, c.new, 1)
			if changed == spec {
				t.Fatalf("%q isn't in the specification", c.old)
			}
			_, err := framesCode([]byte(changed), "deep.yaml", "deep")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
