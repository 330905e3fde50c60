package config

import (
	"encoding"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	yamlv3 "go.yaml.in/yaml/v3"

	"centinela/shared/secret"
)

// Print writes the config in force as YAML, keys sorted, each secret.String as
// "[redacted]", or "" where none is set. All but the secrets can be loaded again.
func (l *Loaded) Print(w io.Writer) error {
	tree := map[string]any{}
	for path, leaf := range l.schema.leaves {
		value, err := printable(leaf.value)
		if err != nil {
			return fmt.Errorf("config: print %s: %w", path, err)
		}
		at, keys := tree, strings.Split(path, ".")
		for _, key := range keys[:len(keys)-1] {
			below, ok := at[key].(map[string]any)
			if !ok {
				below = map[string]any{}
				at[key] = below
			}
			at = below
		}
		at[keys[len(keys)-1]] = value
	}
	encoder := yamlv3.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(tree); err != nil {
		return fmt.Errorf("config: print: %w", err)
	}
	return encoder.Close()
}

// printable turns a value into what yaml sorts and writes by itself.
func printable(value reflect.Value) (any, error) {
	switch v := value.Interface().(type) {
	case secret.String:
		if v.IsZero() {
			return "", nil
		}
		return v.String(), nil
	case time.Duration:
		return v.String(), nil
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return string(text), err
	}
	switch value.Kind() {
	case reflect.Slice:
		list := make([]any, value.Len())
		for i := range list {
			item, err := printable(value.Index(i))
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case reflect.Map:
		tree := map[string]any{}
		for key, inner := range value.Seq2() {
			item, err := printable(inner)
			if err != nil {
				return nil, err
			}
			tree[key.String()] = item
		}
		return tree, nil
	case reflect.Struct:
		tree := map[string]any{}
		return tree, printFields(value, tree)
	default:
		return value.Interface(), nil
	}
}

// printFields writes the fields of a struct inside of a list or a map.
func printFields(section reflect.Value, tree map[string]any) error {
	for i := range section.NumField() {
		field := section.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get(tagName), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if option == "squash" {
			if err := printFields(section.Field(i), tree); err != nil {
				return err
			}
			continue
		}
		item, err := printable(section.Field(i))
		if err != nil {
			return err
		}
		tree[name] = item
	}
	return nil
}
