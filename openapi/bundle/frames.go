package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

//go:embed frames.go.tmpl
var framesTemplate string

// asyncDoc is what the generator reads of an AsyncAPI document.
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
	Payload       yaml.Node
}

// frame is one message of the document, for the template.
type frame struct {
	Type, GoName, End, Summary string
	States                     []string
	Schema                     *schema
}

// framesFile is what the template writes.
type framesFile struct {
	Source, Package, Subprotocol string
	States                       []string
	Ends                         []string // Client, Server
	Frames                       map[string][]frame
	Structs                      []*schema // objects inside frames
}

// frames generates dir/gen/chatframes from dir/chat.asyncapi.yaml.
func frames(dir string) error {
	file := filepath.Join(dir, "chat.asyncapi.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	code, err := framesCode(text, filepath.Base(file), "chatframes")
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	target := filepath.Join(dir, "gen", "chatframes")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(target, "frames.gen.go"), code, 0o644)
}

// framesCode is the package of an AsyncAPI document: a struct for each frame of both ends, the automaton's states, and
// Check over the table of all rules. A document with a rule that the check can't hold is refused, with its place.
func framesCode(text []byte, source, pkg string) ([]byte, error) {
	var root yaml.Node
	var doc asyncDoc
	if err := errors.Join(yaml.Unmarshal(text, &root), yaml.Unmarshal(text, &doc)); err != nil {
		return nil, err
	}
	channel := doc.Channels["chat"]
	if len(channel.States) == 0 || channel.Subprotocol == "" {
		return nil, errors.New("channels.chat needs x-states and x-subprotocol")
	}
	out := framesFile{
		Source: source, Package: pkg, Subprotocol: channel.Subprotocol, States: channel.States,
		Ends: []string{"Client", "Server"}, Frames: map[string][]frame{},
	}
	schemas := &schemaReader{root: &root}
	for _, end := range out.Ends {
		operation := map[string]string{"Client": "fromClient", "Server": "toClient"}[end]
		for _, m := range doc.Operations[operation].Messages {
			key := m.Ref[strings.LastIndex(m.Ref, "/")+1:]
			f, err := newFrame(end, key, doc.Components.Messages[key], channel.States, schemas)
			if err != nil {
				return nil, fmt.Errorf("components/messages/%s: %w", key, err)
			}
			out.Frames[end] = append(out.Frames[end], f)
		}
	}
	out.Structs = schemas.structs
	var code bytes.Buffer
	t := template.Must(template.New("frames").Funcs(template.FuncMap{"goName": goName}).Parse(framesTemplate))
	if err := t.Execute(&code, out); err != nil {
		return nil, err
	}
	return format.Source(code.Bytes())
}

func newFrame(end, key string, m asyncMessage, states []string, schemas *schemaReader) (frame, error) {
	f := frame{Type: m.Name, GoName: goName(key), End: end, Summary: m.Summary, States: m.States}
	if m.Name == "" || f.GoName != end+goName(m.Name) {
		return f, fmt.Errorf("the key must be the end and the name, as in %s%s", strings.ToLower(end), goName(m.Name))
	}
	if (len(m.States) > 0) != (end == "Client") {
		return f, errors.New("x-states are for the client's frames, and each of those has some")
	}
	for _, state := range m.States {
		if !slices.Contains(states, state) {
			return f, fmt.Errorf("unknown state %s", state)
		}
	}
	var err error
	f.Schema, err = schemas.read("payload", f.GoName, &m.Payload)
	if err != nil {
		return f, err
	}
	first := f.Schema.Fields
	if len(first) == 0 || first[0].Name != "type" || !first[0].Required || !slices.Equal(first[0].Enum, []string{m.Name}) {
		return f, errors.New("payload: the first property must be type, required, with the name as const")
	}
	return f, nil
}

// goName is the exported Go name of a snake_case or camelCase one.
func goName(s string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(s, "_") {
		switch {
		case part == "id":
			out.WriteString("ID")
		case part != "":
			out.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return out.String()
}
