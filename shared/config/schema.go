package config

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// leaf is one settable key.
type leaf struct {
	path  string
	help  string
	value reflect.Value // addressable, inside the struct that is filled
}

func (l leaf) isList() bool { return l.value.Kind() == reflect.Slice && !readsText(l.value.Type()) }

// schema is the structs as keys.
type schema struct {
	order    []string // of leaves and sections, as they stand in the structs
	leaves   map[string]leaf
	sections map[string]string // their help, by path; "" is the root
	byEnv    map[string]string // CENTINELA_AUTH_SESSION_TTL -> auth.session.ttl
}

// newSchema reads the tags. Its errors are mistakes of the programmer.
func newSchema(sections []Section) (*schema, error) {
	s := &schema{leaves: map[string]leaf{}, sections: map[string]string{"": ""}, byEnv: map[string]string{}}
	for _, section := range sections {
		root := reflect.ValueOf(section.Into)
		if root.Kind() != reflect.Pointer || root.IsNil() || root.Elem().Kind() != reflect.Struct {
			return nil, fmt.Errorf("config: %T is not a pointer to a struct", section.Into)
		}
		if err := s.walk(section.Path, section.Help, root.Elem()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *schema) walk(path, help string, section reflect.Value) error {
	s.open(path, help)
	for i := range section.NumField() {
		field := section.Type().Field(i)
		name, help := field.Tag.Get("yaml"), field.Tag.Get("help")
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" || strings.ContainsAny(name, ".,") {
			return fmt.Errorf("config: %s.%s needs a yaml tag without dots and options", section.Type(), field.Name)
		}
		value, path := section.Field(i), join(path, name)
		if value.Kind() == reflect.Struct && !readsText(value.Type()) {
			if err := s.walk(path, help, value); err != nil {
				return err
			}
			continue
		}
		if help == "" {
			return fmt.Errorf("config: %s.%s needs a help tag", section.Type(), field.Name)
		}
		if err := s.add(leaf{path: path, help: help, value: value}); err != nil {
			return err
		}
	}
	return nil
}

// open makes a section and those that it is in.
func (s *schema) open(path, help string) {
	if above := strings.LastIndexByte(path, '.'); above > 0 {
		s.open(path[:above], "")
	}
	if _, known := s.sections[path]; !known {
		s.sections[path] = help
		s.order = append(s.order, path)
	}
}

func (s *schema) add(key leaf) error {
	inner := key.value.Type()
	if key.isList() {
		inner = inner.Elem()
	}
	if !readsText(inner) && !isScalar(inner.Kind()) {
		return fmt.Errorf("config: %s has the type %s, which no text gives", key.path, key.value.Type())
	}
	name := envName(key.path)
	if other, taken := s.byEnv[name]; taken {
		return fmt.Errorf("config: %s and %s share the variable %s", other, key.path, name)
	}
	if kubernetes.MatchString(name + "=") {
		return fmt.Errorf("config: %s has the variable %s, a name that Kubernetes gives to its own", key.path, name)
	}
	s.byEnv[name] = key.path
	s.leaves[key.path] = key
	s.order = append(s.order, key.path)
	return nil
}

var (
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
	durationType = reflect.TypeFor[time.Duration]()
)

// readsText says that a type reads itself from a text.
func readsText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

func isScalar(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Float64 && k != reflect.Uintptr || k == reflect.String
}

const envPrefix = "CENTINELA_"

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

// kubernetes are the variables that a pod gets for each Service of its namespace
// whose name begins with centinela (kubernetes.io/docs, "Discovering services").
// Its NAME_PORT is a URL: another one is somebody's wrong guess at a key.
var kubernetes = regexp.MustCompile(`^CENTINELA_([A-Z0-9_]+_)?(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=|PORT=[a-z]+://|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=)`)
