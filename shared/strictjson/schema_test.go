package strictjson_test

import (
	"regexp"
	"strings"
	"testing"

	"centinela/shared/strictjson"
)

// deep has every kind, one inside the other.
var deep = strictjson.Schema{Kind: strictjson.Object, Fields: []strictjson.Field{
	{Name: "kind", Required: true, Schema: strictjson.Schema{Kind: strictjson.String, Enum: []string{"text", "file"}}},
	{Name: "text", Schema: strictjson.Schema{Kind: strictjson.String, MinLength: 2, MaxLength: 4, Pattern: regexp.MustCompile("^[^ ]*$")}},
	{Name: "at", Schema: strictjson.Schema{Kind: strictjson.String, Time: true}},
	{Name: "flag", Schema: strictjson.Schema{Kind: strictjson.Boolean}},
	{Name: "compose", Schema: strictjson.Schema{Kind: strictjson.Object, Fields: []strictjson.Field{
		{Name: "ms", Required: true, Schema: strictjson.Schema{Kind: strictjson.Integer, Min: 0, Max: 9}},
	}}},
	{Name: "members", Schema: strictjson.Schema{Kind: strictjson.Array, MaxItems: 2, Items: &strictjson.Schema{
		Kind: strictjson.Object, Fields: []strictjson.Field{{Name: "id", Required: true, Schema: strictjson.Schema{Kind: strictjson.String, MaxLength: 3}}},
	}}},
	{Name: "seen", Schema: strictjson.Schema{
		Kind: strictjson.Map, MaxItems: 2, Names: &strictjson.Schema{Kind: strictjson.String, MinLength: 1, MaxLength: 3},
		Items: &strictjson.Schema{Kind: strictjson.Integer, Min: -1, Max: 1<<63 - 1},
	}},
}}

// KB D6: every rule holds at every depth, and the fault says which one and where, with no name or value of the sender.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		text, pointer string
		want          strictjson.Keyword
	}{
		{`{"kind":"text","text":"ñññ","at":"2026-11-23T10:00:00.5Z","flag":false,"compose":{"ms":9},"members":[{"id":"a"}],"seen":{"a":-0}}`, "", ""},
		{`{"kind":"text","seen":{"a":9223372036854775807},"members":[]}`, "", ""},
		{`[]`, "", strictjson.Type},
		{`null`, "", strictjson.Type},
		{`{}`, "/kind", strictjson.Required},
		{`{"kind":"x"}`, "/kind", strictjson.Enum},
		{`{"kind":null}`, "/kind", strictjson.Type},
		{`{"kind":true}`, "/kind", strictjson.Type},
		{`{"kind":[]}`, "/kind", strictjson.Type},
		{`{"kind":"x","hunter2":1}`, "", strictjson.Unknown},
		{`{"\u212aind":"text","kind":"text"}`, "", strictjson.Unknown}, // the Kelvin sign, which folds to k
		{`{"Kind":"text","kind":"text"}`, "", strictjson.Unknown},
		{`{"kind":"text","text":"ñ"}`, "/text", strictjson.MinLength},
		{`{"kind":"text","text":"ñññññ"}`, "/text", strictjson.MaxLength},
		{`{"kind":"text","text":"a b"}`, "/text", strictjson.Pattern},
		{`{"kind":"text","text":7}`, "/text", strictjson.Type},
		{`{"kind":"text","at":"2026-11-23"}`, "/at", strictjson.Format},
		{`{"kind":"text","at":"2026-11-23T10:00:00,5Z"}`, "/at", strictjson.Format},
		{`{"kind":"text","flag":"true"}`, "/flag", strictjson.Type},
		{`{"kind":"text","flag":0}`, "/flag", strictjson.Type},
		{`{"kind":"text","compose":{"ms":-1,"evil":1}}`, "/compose", strictjson.Unknown},
		{`{"kind":"text","compose":{"ms":-1}}`, "/compose/ms", strictjson.Minimum},
		{`{"kind":"text","compose":{"ms":10}}`, "/compose/ms", strictjson.Maximum},
		{`{"kind":"text","compose":{"ms":"x"}}`, "/compose/ms", strictjson.Type},
		{`{"kind":"text","compose":{"ms":1.0}}`, "/compose/ms", strictjson.Type},
		{`{"kind":"text","compose":{"ms":1e0}}`, "/compose/ms", strictjson.Type},
		{`{"kind":"text","compose":{"ms":18446744073709551617}}`, "/compose/ms", strictjson.Maximum},
		{`{"kind":"text","compose":{}}`, "/compose/ms", strictjson.Required},
		{`{"kind":"text","compose":[]}`, "/compose", strictjson.Type},
		{`{"kind":"text","members":[1,"2",null,{},5]}`, "/members", strictjson.MaxItems},
		{`{"kind":"text","members":[{"id":"a"},"2"]}`, "/members/1", strictjson.Type},
		{`{"kind":"text","members":[{"id":"a"},{}]}`, "/members/1/id", strictjson.Required},
		{`{"kind":"text","members":[{"id":"abcd"}]}`, "/members/0/id", strictjson.MaxLength},
		{`{"kind":"text","members":[{"id":"a","hunter2":1}]}`, "/members/0", strictjson.Unknown},
		{`{"kind":"text","members":{"0":{"id":"a"}}}`, "/members", strictjson.Type},
		{`{"kind":"text","seen":{"hunter2":1}}`, "/seen", strictjson.MaxLength},
		{`{"kind":"text","seen":{"":1}}`, "/seen", strictjson.MinLength},
		{`{"kind":"text","seen":{"a":-2}}`, "/seen", strictjson.Minimum},
		{`{"kind":"text","seen":{"a":9223372036854775808}}`, "/seen", strictjson.Maximum},
		{`{"kind":"text","seen":{"a":-9223372036854775809}}`, "/seen", strictjson.Minimum},
		{`{"kind":"text","seen":{"a":"1"}}`, "/seen", strictjson.Type},
		{`{"kind":"text","seen":{"a":1,"b":1,"c":1}}`, "/seen", strictjson.MaxProperties},
		{`{"kind":"text","seen":[]}`, "/seen", strictjson.Type},
	} {
		t.Run(c.text, func(t *testing.T) {
			v, f := strictjson.Decode([]byte(c.text))
			if f != nil {
				t.Fatal(f)
			}
			f = deep.Check(v)
			switch {
			case f == nil && c.want == "":
			case f == nil || f.Keyword != c.want || f.Pointer != c.pointer:
				t.Errorf("%+v, want %s at %q", f, c.want, c.pointer)
			case f.Detail() == "" || strings.Contains(f.Detail()+f.Pointer, "hunter2") || f.Detail() == (&strictjson.Fault{}).Detail():
				t.Errorf("detail = %q", f.Detail())
			}
		})
	}
}

// The limits are in the words, so that a client's author needs no second look.
func TestDetail(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"x"}`:                          "must be one of: text, file",
		`{"kind":"text","text":"x"}`:            "must have 2 to 4 characters",
		`{"kind":"text","members":[1,2,3]}`:     "must have at most 2 entries",
		`{"kind":"text","compose":{"ms":10}}`:   "must be from 0 to 9",
		`{"kind":"text","compose":{"ms":true}}`: "must be an integer",
		`{"kind":"text","flag":[]}`:             "must be true or false",
	} {
		v, _ := strictjson.Decode([]byte(text))
		if f := deep.Check(v); f == nil || f.Detail() != want {
			t.Errorf("%s: %+v, want %q", text, f, want)
		}
	}
}
