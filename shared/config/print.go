package config

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"centinela/shared/secret"
)

// Print writes the config in force as YAML, in the order of the structs, each key
// with what it is and in which unit as a comment, each secret.String as
// "[redacted]", or "" where none is set. All but the secrets can be loaded again.
func (l *Loaded) Print(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	at := map[string]*yaml.Node{"": root}
	for _, path := range l.schema.order {
		if path == "" {
			continue
		}
		above, name := "", path
		if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
			above, name = path[:dot], path[dot+1:]
		}
		title, value := text(name), &yaml.Node{Kind: yaml.MappingNode}
		if key, ok := l.schema.leaves[path]; ok {
			value = key.node()
			value.LineComment = key.help
		} else {
			title.HeadComment = l.schema.sections[path]
			at[path] = value
		}
		at[above].Content = append(at[above].Content, title, value)
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("config: print: %w", err)
	}
	return encoder.Close()
}

// node is the value in YAML.
func (l leaf) node() *yaml.Node {
	if !l.isList() {
		return scalarNode(l.value)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for i := range l.value.Len() {
		list.Content = append(list.Content, scalarNode(l.value.Index(i)))
	}
	return list
}

// scalarNode leaves numbers, bools and durations plain, and quotes a text where it
// would be taken for something else.
func scalarNode(value reflect.Value) *yaml.Node {
	if value.Kind() == reflect.String || readsText(value.Type()) {
		return text(scalarText(value))
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: scalarText(value)}
}

func text(s string) *yaml.Node {
	var node yaml.Node
	node.SetString(s)
	return &node
}

// texts are the key's value, or the items of its list, as setText takes them.
func (l leaf) texts() []string {
	if !l.isList() {
		return []string{scalarText(l.value)}
	}
	items := make([]string, l.value.Len())
	for i := range items {
		items[i] = scalarText(l.value.Index(i))
	}
	return items
}

func scalarText(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case secret.String:
		if v.IsZero() {
			return ""
		}
		return v.String()
	case time.Duration:
		return v.String()
	case encoding.TextMarshaler:
		if body, err := v.MarshalText(); err == nil {
			return string(body)
		}
	}
	return fmt.Sprint(value.Interface())
}
