package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

const tagName = "koanf"

// form is how a key's value is written.
type form uint8

const (
	formText   form = iota // a string, or a type that reads itself from text
	formScalar             // a number, a bool, a duration
	formList               // a list of the two above, also written "a, b"
	formTree               // a map, or a list of structs: in YAML only
)

// leaf is one settable key of the struct.
type leaf struct {
	path  string
	form  form
	value reflect.Value // addressable, inside the struct that is filled
}

// schema is the struct as keys.
type schema struct {
	leaves   map[string]leaf
	sections map[string]bool   // "auth", "auth.session", and "" for the root
	byEnv    map[string]string // CENTINELA_AUTH_SESSION_TTL -> auth.session.ttl
}

// newSchema reads the tags of the struct that into points to. Its errors are
// mistakes of the programmer.
func newSchema(into any) (*schema, error) {
	root := reflect.ValueOf(into)
	if root.Kind() != reflect.Pointer || root.IsNil() || root.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("config: %T is not a pointer to a struct", into)
	}
	s := &schema{leaves: map[string]leaf{}, sections: map[string]bool{}, byEnv: map[string]string{}}
	return s, s.walk("", root.Elem())
}

func (s *schema) walk(path string, section reflect.Value) error {
	s.sections[path] = true
	for i := range section.NumField() {
		field := section.Type().Field(i)
		name, option, _ := strings.Cut(field.Tag.Get(tagName), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if option == "squash" {
			if err := s.walk(path, section.Field(i)); err != nil {
				return err
			}
			continue
		}
		if name == "" || strings.Contains(name, ".") {
			return fmt.Errorf("config: %s.%s needs a %s tag without dots", section.Type(), field.Name, tagName)
		}
		if err := s.add(join(path, name), section.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) add(path string, value reflect.Value) error {
	form, ok := formOf(value.Type())
	if !ok && value.Kind() == reflect.Struct {
		return s.walk(path, value)
	}
	if !ok {
		return fmt.Errorf("config: %s has the type %s, which no text gives", path, value.Type())
	}
	s.leaves[path] = leaf{path: path, form: form, value: value}
	if other, taken := s.byEnv[envName(path)]; taken {
		return fmt.Errorf("config: %s and %s share the variable %s", other, path, envName(path))
	}
	s.byEnv[envName(path)] = path
	return nil
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

// formOf gives false for a struct, which is a section, and for what can't be set.
func formOf(t reflect.Type) (form, bool) {
	if reflect.PointerTo(t).Implements(textType) {
		return formText, true
	}
	switch t.Kind() {
	case reflect.String:
		return formText, true
	case reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return formScalar, true
	case reflect.Slice:
		if inner, ok := formOf(t.Elem()); ok && (inner == formText || inner == formScalar) {
			return formList, true
		}
		return formTree, true
	case reflect.Map:
		return formTree, t.Key().Kind() == reflect.String
	default:
		return 0, false
	}
}

const envPrefix = "CENTINELA_"

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}
