package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"centinela/openapi/bundle/testdata/deep"
	"centinela/openapi/gen/chatframes"
	"centinela/shared/strictjson"
)

// model reads the same specification as the generator, but knows nothing of it: a JSON Schema library judges the frames.
type model struct {
	doc     map[string]any
	schemas map[string]*jsonschema.Schema // by the message's key
	states  []string
}

func newModel(t testing.TB, file string) *model {
	t.Helper()
	m := &model{schemas: map[string]*jsonschema.Schema{}}
	if err := yaml.Unmarshal(read(t, file), &m.doc); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(m.doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &m.doc); err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("spec.json", resource); err != nil {
		t.Fatal(err)
	}
	for key := range m.messages() {
		if m.schemas[key], err = c.Compile("spec.json#/components/messages/" + key + "/payload"); err != nil {
			t.Fatal(err)
		}
	}
	for _, state := range m.doc["channels"].(map[string]any)["chat"].(map[string]any)["x-states"].([]any) {
		m.states = append(m.states, state.(string))
	}
	return m
}

func (m *model) messages() map[string]any {
	return m.doc["components"].(map[string]any)["messages"].(map[string]any)
}

// takes reports whether the frame of an end ("client", "server") keeps every rule in the state.
func (m *model) takes(end string, state int, data []byte) bool {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	members, ok := v.(map[string]any)
	if err != nil || !ok || fraction(v) {
		return false
	}
	frameType, _ := members["type"].(string)
	for key, message := range m.messages() {
		message := message.(map[string]any)
		if message["name"] != frameType || !strings.HasPrefix(key, end) {
			continue
		}
		states, _ := message["x-states"].([]any)
		return (end == "server" || slices.Contains(states, any(m.states[state]))) && m.schemas[key].Validate(v) == nil
	}
	return false
}

// fraction reports whether a number in v isn't written as an integer: JSON Schema takes 1.0 and 1e3, and no frame does.
func fraction(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return strings.ContainsAny(string(v), ".eE")
	case []any:
		return slices.ContainsFunc(v, fraction)
	case map[string]any:
		for _, value := range v {
			if fraction(value) {
				return true
			}
		}
	}
	return false
}

// agree holds both checks against each other.
func agree(t interface{ Fatalf(string, ...any) }, m *model, end string, state int, data []byte, wrong *strictjson.Fault) {
	if wrong != nil && (slices.Contains([]strictjson.Keyword{
		strictjson.Duplicate, strictjson.Surrogate, strictjson.UTF8, strictjson.Depth, // which the model's decoder lets pass
		strictjson.Format, // leap seconds, small letters: RFC 3339 has them, time.Time doesn't
	}, wrong.Keyword)) {
		return
	}
	if taken := m.takes(end, state, data); taken != (wrong == nil) {
		t.Fatalf("%s's frame in %s: the model says %v, the check %+v: %s", end, m.states[state], taken, wrong, data)
	}
}

// FuzzCheck holds the generated checks of the chat and of the deep specification against the model.
func FuzzCheck(f *testing.F) {
	chat, deeper := newModel(f, "../chat.asyncapi.yaml"), newModel(f, deepSpec)
	for _, frame := range []string{
		`{"type":"hello","token":"t","resume":{"cnv_0123456789abcdefghjkmnpq":0}}`,
		`{"type":"send","client_id":"c","conversation":"cnv_0123456789abcdefghjkmnpq","kind":"text","text":"ñ","reply_to":1}`,
		`{"type":"send","kind":"file","rooms":["a"],"compose":{"ms":1,"keys":2,"edits":0,"pastes":100},"members":[{"id":"a","roles":["owner"]}],"seen":{"a":9}}`,
		`{"type":"page","notes":[{"type":"note","text":"x","from":{"name":"y"}}]}`,
	} {
		for state := range uint8(4) {
			f.Add(state%2 == 0, state, []byte(frame))
		}
	}
	f.Fuzz(func(t *testing.T, server bool, state uint8, data []byte) {
		end, n := "client", 0
		if server {
			end, n = "server", 1
		}
		_, wrong := chatframes.Check(chatframes.End(n), chatframes.State(state%4), data)
		agree(t, chat, end, int(state%4), data, wrong)
		_, wrong = deep.Check(deep.End(n), deep.State(state%2), data)
		agree(t, deeper, end, int(state%2), data, wrong)
	})
}

// KB D6: frames that are nearly what the specification says, with a fault at any depth, are judged as the model does.
func TestCheckAgainstModel(t *testing.T) {
	chat, deeper := newModel(t, "../chat.asyncapi.yaml"), newModel(t, deepSpec)
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			for i, m := range []*model{chat, deeper} {
				key := rapid.SampledFrom(slices.Sorted(maps.Keys(m.messages()))).Draw(t, "message")
				schema := m.messages()[key].(map[string]any)["payload"].(map[string]any)
				data, err := json.Marshal(m.nearly(t, schema))
				if err != nil {
					t.Fatal(err)
				}
				end, state := key[:6], rapid.IntRange(0, len(m.states)-1).Draw(t, "state")
				n := map[string]int{"client": 0, "server": 1}[end]
				var wrong *strictjson.Fault
				if i == 0 {
					_, wrong = chatframes.Check(chatframes.End(n), chatframes.State(state), data)
				} else {
					_, wrong = deep.Check(deep.End(n), deep.State(state), data)
				}
				agree(t, m, end, state, data, wrong)
				if wrong == nil {
					taken++
				} else {
					refused++
				}
			}
		}
	})
	if taken < 100 || refused < 100 {
		t.Errorf("%d frames taken, %d refused: too few of one kind to say much", taken, refused)
	}
}

// junk is what stands where something else belongs.
var junk = []any{nil, true, "", "x", 0, -1, 1.5, json.Number("1e0"), json.Number("9223372036854775808"), []any{}, map[string]any{}, []any{map[string]any{"$gt": ""}}}

// nearly is a value for the schema, at its bounds and now and then beyond.
func (m *model) nearly(t *rapid.T, schema map[string]any) any {
	odds := func(n int) bool { return rapid.IntRange(0, n).Draw(t, "odds") == 0 }
	if odds(60) {
		return rapid.SampledFrom(junk).Draw(t, "junk")
	}
	number := func(name string) int { n, _ := schema[name].(float64); return int(n) }
	if ref, ok := schema["$ref"].(string); ok {
		key := strings.Split(ref, "/")[3]
		return m.nearly(t, m.messages()[key].(map[string]any)["payload"].(map[string]any))
	}
	count := func(limit int) int {
		if odds(20) {
			return limit + 1
		}
		return rapid.IntRange(0, min(limit, 2)).Draw(t, "count")
	}
	switch schema["type"] {
	case "integer":
		low, high := number("minimum"), number("maximum")
		if odds(20) {
			return rapid.SampledFrom([]int{low - 1, high + 1}).Draw(t, "beyond")
		}
		return rapid.SampledFrom([]int{low, high, low + 1}).Draw(t, "integer")
	case "boolean":
		return odds(1)
	case "array":
		items := []any{}
		for range count(number("maxItems")) {
			items = append(items, m.nearly(t, schema["items"].(map[string]any)))
		}
		return items
	case "object":
		return m.nearlyObject(t, schema, odds, count)
	}
	if value, ok := schema["const"]; ok {
		return value
	}
	if list, ok := schema["enum"].([]any); ok {
		return rapid.SampledFrom(list).Draw(t, "enum")
	}
	if schema["format"] != nil {
		return rapid.SampledFrom([]string{"2026-11-23T10:00:00Z", "2026-11-23T10:00:00.123+05:30", "2026-13-23T10:00:00Z"}).Draw(t, "time")
	}
	if pattern, ok := schema["pattern"].(string); ok && !odds(10) {
		return rapid.StringMatching(pattern).Draw(t, "pattern")
	}
	n := rapid.SampledFrom([]int{number("minLength"), number("maxLength"), number("maxLength") + 1, 1, 2}).Draw(t, "length")
	return strings.Repeat(rapid.SampledFrom([]string{"a", "ñ", "😀", " "}).Draw(t, "character"), n)
}

func (m *model) nearlyObject(t *rapid.T, schema map[string]any, odds func(int) bool, count func(int) int) any {
	out := map[string]any{}
	if names, ok := schema["propertyNames"].(map[string]any); ok {
		limit, _ := schema["maxProperties"].(float64)
		for range count(int(limit)) {
			if name, ok := m.nearly(t, names).(string); ok {
				out[name] = m.nearly(t, schema["additionalProperties"].(map[string]any))
			}
		}
		return out
	}
	required, _ := schema["required"].([]any)
	properties := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(name)) && !odds(40) || odds(1) {
			out[name] = m.nearly(t, properties[name].(map[string]any))
		}
	}
	if odds(30) {
		out[rapid.SampledFrom([]string{"evil", "Type", "\u212aind", ""}).Draw(t, "unknown")] = rapid.SampledFrom(junk).Draw(t, "junk")
	}
	return out
}
