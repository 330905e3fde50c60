package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// asyncDoc is what the generator reads of chat.asyncapi.yaml.
type asyncDoc struct {
	Channels map[string]struct {
		States      []string `yaml:"x-states"`
		Subprotocol string   `yaml:"x-subprotocol"`
	}
	Operations map[string]struct {
		Messages []struct {
			Ref string `yaml:"$ref"`
		}
	}
	Components struct {
		Messages map[string]asyncMessage
	}
}

type asyncMessage struct {
	Name, Summary string
	States        []string `yaml:"x-states"`
	Payload       asyncSchema
}

// asyncSchema is the part of JSON Schema that frames use. The order of Properties is the order of the file.
type asyncSchema struct {
	Ref           string `yaml:"$ref"`
	Type          string
	Const         string
	Format        string
	Pattern       string
	Description   string
	Enum          []string
	Required      []string
	MinLength     int `yaml:"minLength"`
	MaxLength     int `yaml:"maxLength"`
	MaxItems      int `yaml:"maxItems"`
	MaxProperties int `yaml:"maxProperties"`
	Minimum       *int64
	Maximum       *int64
	Items         *asyncSchema
	Names         *asyncSchema `yaml:"propertyNames"`
	Properties    yaml.Node
	Additional    yaml.Node `yaml:"additionalProperties"`
}

type asyncProperty struct {
	name     string
	schema   asyncSchema
	required bool
}

func (s *asyncSchema) properties() ([]asyncProperty, error) {
	var out []asyncProperty
	for i := 0; i+1 < len(s.Properties.Content); i += 2 {
		p := asyncProperty{name: s.Properties.Content[i].Value}
		if err := s.Properties.Content[i+1].Decode(&p.schema); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		for _, name := range s.Required {
			p.required = p.required || name == p.name
		}
		out = append(out, p)
	}
	return out, nil
}

// frames generates dir/gen/chatframes from dir/chat.asyncapi.yaml: a struct for each frame of both directions, the
// table of their fields, and the automaton.
func frames(dir string) error {
	file := filepath.Join(dir, "chat.asyncapi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc asyncDoc
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	w := &frameWriter{doc: doc}
	if err := w.write(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	code, err := format.Source(w.out.Bytes())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	target := filepath.Join(dir, "gen", "chatframes")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(target, "frames.gen.go"), code, 0o644)
}

type frameWriter struct {
	doc     asyncDoc
	out     bytes.Buffer
	nested  bytes.Buffer // structs of objects inside frames
	pattern []string     // the table's regular expressions, each once
}

func (w *frameWriter) printf(f string, args ...any) { fmt.Fprintf(&w.out, f, args...) }

func (w *frameWriter) write() error {
	channel := w.doc.Channels["chat"]
	if len(channel.States) == 0 || channel.Subprotocol == "" {
		return errors.New("channels.chat needs x-states and x-subprotocol")
	}
	w.printf("%s", frameHeader)
	w.printf("// Subprotocol is what client and server agree on in Sec-WebSocket-Protocol.\nconst Subprotocol = %q\n\n", channel.Subprotocol)
	w.printf("// State is where a socket's conversation with the server stands.\ntype State uint8\n\n// The states, in their order.\nconst (\n")
	for i, state := range channel.States {
		w.printf("State%s State = %d\n", goName(state), i)
	}
	w.printf(")\n\n// States is every state, in order.\nfunc States() []State { return []State{")
	for _, state := range channel.States {
		w.printf("State%s, ", goName(state))
	}
	w.printf("} }\n\n// String is the state's name in the specification.\nfunc (s State) String() string {\nswitch s {\n")
	for _, state := range channel.States {
		w.printf("case State%s: return %q\n", goName(state), state)
	}
	w.printf("default: return \"unknown\"\n}\n}\n\n")
	for _, direction := range []struct{ operation, kind string }{{"fromClient", "Client"}, {"toClient", "Server"}} {
		if err := w.direction(direction.operation, direction.kind, channel.States); err != nil {
			return err
		}
	}
	w.out.Write(w.nested.Bytes())
	w.printf("var (\n")
	for i, p := range w.pattern {
		w.printf("pattern%d = regexp.MustCompile(%q)\n", i, p)
	}
	w.printf(")\n")
	return nil
}

// direction writes the frames of one operation: structs, New<kind>, <kind>Spec.
func (w *frameWriter) direction(operation, kind string, states []string) error {
	var keys []string
	for _, m := range w.doc.Operations[operation].Messages {
		keys = append(keys, m.Ref[strings.LastIndex(m.Ref, "/")+1:])
	}
	var specs bytes.Buffer
	for _, key := range keys {
		m, ok := w.doc.Components.Messages[key]
		if !ok {
			return fmt.Errorf("operation %s: no message %s", operation, key)
		}
		if key != strings.ToLower(kind)+goName(m.Name) {
			return fmt.Errorf("message %s: the key must be %s%s", key, strings.ToLower(kind), goName(m.Name))
		}
		if len(m.States) > 0 && kind == "Server" {
			return fmt.Errorf("message %s: x-states are for the client's frames", key)
		}
		if err := w.message(kind, m, states, &specs); err != nil {
			return fmt.Errorf("message %s: %w", key, err)
		}
	}
	w.printf("// New%s is an empty frame of that type, nil for a type that the %s doesn't send.\nfunc New%s(frameType string) %sFrame {\nswitch frameType {\n",
		kind, strings.ToLower(kind), kind, kind)
	for _, key := range keys {
		w.printf("case %q: return &%s{}\n", w.doc.Components.Messages[key].Name, goName(key))
	}
	w.printf("default: return nil\n}\n}\n\n")
	w.printf("var %sSpecs = []*FrameSpec{\n%s}\n\n", strings.ToLower(kind), specs.String())
	return nil
}

func (w *frameWriter) message(kind string, m asyncMessage, states []string, specs *bytes.Buffer) error {
	properties, err := m.Payload.properties()
	if err != nil {
		return err
	}
	if len(properties) == 0 || properties[0].name != "type" || properties[0].schema.Const != m.Name || !properties[0].required {
		return errors.New("the first property must be type, required, with the name as const")
	}
	name := kind + goName(m.Name)
	w.printf("// %s is %q: %s.\ntype %s struct {\n", name, m.Name, m.Summary, name)
	w.printf("Type string `json:\"type\"` // set by Encode\n")
	fmt.Fprintf(specs, "{Type: %q, States: []State{", m.Name)
	for _, state := range m.States {
		if !strings.Contains(" "+strings.Join(states, " ")+" ", " "+state+" ") {
			return fmt.Errorf("unknown state %s", state)
		}
		fmt.Fprintf(specs, "State%s, ", goName(state))
	}
	fmt.Fprintf(specs, "}, Fields: []FieldSpec{\n")
	for _, p := range properties[1:] {
		if err := w.field(&w.out, name, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := w.spec(specs, p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	fmt.Fprintf(specs, "}},\n")
	w.printf("}\n\n// Encode is the frame as JSON.\nfunc (f %s) Encode() ([]byte, error) { f.Type = %q; return json.Marshal(f) }\n\n", name, m.Name)
	w.printf("// FrameType is %q.\nfunc (%s) FrameType() string { return %q }\n\nfunc (%s) from%s() {}\n\n", m.Name, name, m.Name, name, kind)
	return nil
}

// field writes one line of a struct.
func (w *frameWriter) field(out *bytes.Buffer, parent string, p asyncProperty) error {
	goType, err := w.goType(parent+goName(p.name), p.schema)
	if err != nil {
		return err
	}
	tag := p.name
	if !p.required {
		tag += ",omitempty"
	}
	fmt.Fprintf(out, "%s %s `json:%q`", goName(p.name), goType, tag)
	if p.schema.Description != "" {
		fmt.Fprintf(out, " // %s", strings.Join(strings.Fields(p.schema.Description), " "))
	}
	out.WriteByte('\n')
	return nil
}

func (w *frameWriter) goType(nestedName string, s asyncSchema) (string, error) {
	switch {
	case strings.HasPrefix(s.Ref, "#/components/messages/") && strings.HasSuffix(s.Ref, "/payload"):
		return goName(strings.Split(s.Ref, "/")[3]), nil
	case s.Type == "string" && s.Format == "date-time":
		return "time.Time", nil
	case s.Type == "string":
		return "string", nil
	case s.Type == "integer":
		return "int64", nil
	case s.Type == "boolean":
		return "bool", nil
	case s.Type == "array" && s.Items != nil:
		item, err := w.goType(nestedName, *s.Items)
		return "[]" + item, err
	case s.Type == "object" && s.Additional.Kind == yaml.MappingNode:
		var value asyncSchema
		if err := s.Additional.Decode(&value); err != nil {
			return "", err
		}
		item, err := w.goType(nestedName, value)
		return "map[string]" + item, err
	case s.Type == "object":
		return nestedName, w.object(nestedName, s)
	default:
		return "", fmt.Errorf("type %q has no Go type here", s.Type)
	}
}

func (w *frameWriter) object(name string, s asyncSchema) error {
	properties, err := s.properties()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "// %s is an object inside a frame.\ntype %s struct {\n", name, name)
	for _, p := range properties {
		if err := w.field(&out, name, p); err != nil {
			return err
		}
	}
	out.WriteString("}\n\n")
	w.nested.Write(out.Bytes())
	return nil
}

// spec writes one field's line of the table.
func (w *frameWriter) spec(out *bytes.Buffer, p asyncProperty) error {
	kinds := map[string]string{"string": "KindString", "integer": "KindInteger", "boolean": "KindBoolean", "array": "KindArray", "object": "KindObject"}
	s := p.schema
	kind, ok := kinds[s.Type]
	if !ok {
		return fmt.Errorf("type %q has no place in the table", s.Type)
	}
	fmt.Fprintf(out, "{Name: %q, Kind: %s, Required: %v", p.name, kind, p.required)
	w.bounds(out, s)
	if s.Type == "object" && s.Additional.Kind == yaml.MappingNode {
		var value asyncSchema
		if err := s.Additional.Decode(&value); err != nil {
			return err
		}
		if value.Type != "integer" || s.Names == nil || s.MaxProperties == 0 {
			return errors.New("a map needs integer values, propertyNames and maxProperties")
		}
		fmt.Fprintf(out, ", MaxItems: %d, Keys: &FieldSpec{Kind: KindString", s.MaxProperties)
		w.bounds(out, *s.Names)
		fmt.Fprintf(out, "}, Values: &FieldSpec{Kind: KindInteger")
		w.bounds(out, value)
		fmt.Fprintf(out, "}")
	}
	fmt.Fprintf(out, "},\n")
	return nil
}

func (w *frameWriter) bounds(out *bytes.Buffer, s asyncSchema) {
	if s.MinLength > 0 {
		fmt.Fprintf(out, ", MinLength: %d", s.MinLength)
	}
	if s.MaxLength > 0 {
		fmt.Fprintf(out, ", MaxLength: %d", s.MaxLength)
	}
	if s.MaxItems > 0 {
		fmt.Fprintf(out, ", MaxItems: %d", s.MaxItems)
	}
	if s.Type == "integer" {
		low, high := int64(-1<<63), int64(1<<63-1)
		if s.Minimum != nil {
			low = *s.Minimum
		}
		if s.Maximum != nil {
			high = *s.Maximum
		}
		fmt.Fprintf(out, ", Min: %d, Max: %d", low, high)
	}
	if len(s.Enum) > 0 {
		fmt.Fprintf(out, ", Enum: %#v", s.Enum)
	}
	if s.Format == "date-time" {
		fmt.Fprintf(out, ", Time: true")
	}
	if s.Pattern != "" {
		at := -1
		for i, p := range w.pattern {
			if p == s.Pattern {
				at = i
			}
		}
		if at < 0 {
			at = len(w.pattern)
			w.pattern = append(w.pattern, s.Pattern)
		}
		fmt.Fprintf(out, ", Pattern: pattern%d", at)
	}
}

// goName is the exported Go name of a snake_case or camelCase one.
func goName(s string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(s, "_") {
		if part == "id" {
			out.WriteString("ID")
			continue
		}
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}

const frameHeader = `// Code generated by openapi/bundle from chat.asyncapi.yaml. DO NOT EDIT.

// Package chatframes is the chat socket's language: the frames of both directions, the limits of their fields, and
// the automaton that says which frame is taken in which state.
package chatframes

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"
)

// ClientFrame is a frame that the client sends.
type ClientFrame interface {
	FrameType() string
	Encode() ([]byte, error)
	fromClient()
}

// ServerFrame is a frame that the server sends.
type ServerFrame interface {
	FrameType() string
	Encode() ([]byte, error)
	fromServer()
}

// FieldKind is the JSON type of a field.
type FieldKind uint8

// The kinds of fields.
const (
	KindString FieldKind = iota
	KindInteger
	KindBoolean
	KindArray
	KindObject
)

// FieldSpec is what a field must be like. Lengths are characters; 0 as a bound of length or items means none.
type FieldSpec struct {
	Name                 string
	Kind                 FieldKind
	Required, Time       bool
	MinLength, MaxLength int
	MaxItems             int
	Min, Max             int64
	Enum                 []string
	Pattern              *regexp.Regexp
	Keys, Values         *FieldSpec // of an object that is a map
}

// FrameSpec is what a frame must be like: its fields beside "type", and the states that take it.
type FrameSpec struct {
	Type   string
	States []State
	Fields []FieldSpec
}

// Takes is the automaton: whether the frame is taken in the state.
func (s *FrameSpec) Takes(state State) bool { return slices.Contains(s.States, state) }

// Field is the spec of one field, nil for a name that the frame doesn't have.
func (s *FrameSpec) Field(name string) *FieldSpec {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// ClientSpec is the table's row of a client's frame, nil for an unknown type.
func ClientSpec(frameType string) *FrameSpec { return find(clientSpecs, frameType) }

// ServerSpec is the table's row of a server's frame, nil for an unknown type.
func ServerSpec(frameType string) *FrameSpec { return find(serverSpecs, frameType) }

// ClientTypes is the types of the client's frames, in the order of the specification.
func ClientTypes() []string { return types(clientSpecs) }

// ServerTypes is the types of the server's frames, in the order of the specification.
func ServerTypes() []string { return types(serverSpecs) }

func find(specs []*FrameSpec, frameType string) *FrameSpec {
	for _, s := range specs {
		if s.Type == frameType {
			return s
		}
	}
	return nil
}

func types(specs []*FrameSpec) []string {
	out := make([]string, len(specs))
	for i, s := range specs {
		out[i] = s.Type
	}
	return out
}

`
