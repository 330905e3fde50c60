package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// kinds are the schemas that strictjson.Schema holds: their keywords beside type and description, and the Go type of
// their values. A keyword that must be there is a bound: one that nobody wrote is one that nobody checks.
var kinds = map[string]struct{ kind, goType, must, may string }{
	"string":  {"String", "string", "maxLength", "minLength pattern"},
	"enum":    {"String", "string", "enum", ""},
	"const":   {"String", "string", "const", ""},
	"format":  {"String", "time.Time", "format", ""},
	"integer": {"Integer", "int64", "minimum maximum", "format"},
	"boolean": {"Boolean", "bool", "", ""},
	"array":   {"Array", "", "items maxItems", ""},
	"object":  {"Object", "", "properties required additionalProperties", ""},
	"map":     {"Map", "", "propertyNames additionalProperties maxProperties", ""},
}

// schema is one that the checker holds.
type schema struct {
	Const, Description, Format, Pattern string
	Enum, Required                      []string
	MinLength                           int `yaml:"minLength"`
	MaxLength                           int `yaml:"maxLength"`
	MaxItems                            int `yaml:"maxItems"`
	MaxProperties                       int `yaml:"maxProperties"`
	Minimum, Maximum                    int64

	Kind, GoType string  `yaml:"-"`
	Items, Names *schema `yaml:"-"` // Items is of an array, or the values of a map
	Fields       []field `yaml:"-"`
}

type field struct {
	Name     string
	Required bool
	*schema
}

// Tag is the field's JSON tag. What isn't required and has its zero value is left out.
func (f field) Tag() string {
	if f.Required {
		return f.Name
	}
	return f.Name + ",omitzero"
}

// Type is the field's Go type: an object that may be left out is a pointer.
func (f field) Type() string {
	if f.Kind == "Object" && !f.Required {
		return "*" + f.GoType
	}
	return f.GoType
}

// Comment is the description in one line.
func (f field) Comment() string { return strings.Join(strings.Fields(f.Description), " ") }

// schemaReader reads schemas and collects the structs that their objects need.
type schemaReader struct {
	root    *yaml.Node
	structs []*schema
	open    []string // references that are being read
}

// read takes the schema at place (for errors); goType names its struct, if it is an object.
func (r *schemaReader) read(place, goType string, n *yaml.Node) (*schema, error) {
	members, err := mapping(n)
	if ref := members["$ref"]; ref != nil && len(members) == 1 {
		return r.reference(fmt.Sprintf("%s: line %d", place, n.Line), ref.Value)
	}
	s := &schema{}
	if err == nil {
		err = s.rules(n, members)
	}
	if err != nil {
		return s, fmt.Errorf("%s: line %d: %w", place, n.Line, err)
	}
	switch s.Kind {
	case "Array":
		s.Items, err = r.read(place+"/items", goType, members["items"])
		s.GoType = "[]" + s.Items.GoType
	case "Map":
		s.Names, err = r.read(place+"/propertyNames", goType, members["propertyNames"])
		if err == nil && s.Names.GoType != "string" {
			err = fmt.Errorf("%s/propertyNames: line %d: must be rules of a string", place, n.Line)
		}
		if err != nil {
			return s, err
		}
		s.Items, err = r.read(place+"/additionalProperties", goType, members["additionalProperties"])
		s.GoType = "map[string]" + s.Items.GoType
	case "Object":
		s.GoType = goType
		err = r.object(s, place, members["properties"])
	}
	return s, err
}

// rules takes a schema's own keywords, and refuses what the checker can't hold, or no value could keep.
func (s *schema) rules(n *yaml.Node, members map[string]*yaml.Node) error {
	name := kindOf(members)
	kind, ok := kinds[name]
	if !ok {
		return fmt.Errorf("the checker has no type %q", name)
	}
	must := strings.Fields(kind.must)
	for keyword, value := range members {
		if value.ShortTag() == "!!float" { // which a decoder would cut to an integer
			return fmt.Errorf("%s must be an integer", keyword)
		}
		if !slices.Contains(slices.Concat(must, strings.Fields(kind.may), []string{"type", "description"}), keyword) {
			return fmt.Errorf("the checker can't hold %s here", keyword)
		}
	}
	for _, keyword := range must {
		if members[keyword] == nil {
			return fmt.Errorf("needs %s", keyword)
		}
	}
	if err := n.Decode(s); err != nil {
		return err
	}
	s.Kind, s.GoType = kind.kind, kind.goType
	if s.Const != "" {
		s.Enum = []string{s.Const}
	}
	switch {
	case s.Kind == "Object" && members["additionalProperties"].Value != "false":
		return errors.New("additionalProperties must be false")
	case s.MinLength > s.MaxLength, s.Minimum > s.Maximum, s.Kind == "Array" && s.MaxItems < 1, s.Kind == "Map" && s.MaxProperties < 1:
		return errors.New("no value keeps these bounds")
	case s.GoType == "time.Time" && s.Format != "date-time", s.GoType == "int64" && s.Format != "" && s.Format != "int64":
		return fmt.Errorf("the checker has no format %q", s.Format)
	}
	_, err := regexp.Compile(s.Pattern)
	return err
}

// object reads the members in the order of the file.
func (r *schemaReader) object(s *schema, place string, properties *yaml.Node) error {
	names, err := mapping(properties)
	for _, name := range s.Required {
		if names[name] == nil && err == nil {
			err = fmt.Errorf("%s is required, and no property", name)
		}
	}
	if err != nil {
		return fmt.Errorf("%s/properties: line %d: %w", place, properties.Line, err)
	}
	for i := 0; i < len(properties.Content); i += 2 {
		name := properties.Content[i].Value
		member, err := r.read(place+"/properties/"+name, s.GoType+goName(name), properties.Content[i+1])
		if err != nil {
			return err
		}
		s.Fields = append(s.Fields, field{Name: name, Required: slices.Contains(s.Required, name), schema: member})
	}
	if place != "payload" && len(r.open) == 0 { // a frame's own struct is the frame's, a referenced one its owner's
		r.structs = append(r.structs, s)
	}
	return nil
}

// reference reads the payload of another message, whose struct it shares.
func (r *schemaReader) reference(place, ref string) (*schema, error) {
	key, ok := strings.CutPrefix(ref, "#/components/messages/")
	key, payload := strings.CutSuffix(key, "/payload")
	if !ok || !payload || slices.Contains(r.open, ref) {
		return &schema{}, fmt.Errorf("%s: %q: a reference is to the payload of a message, and not to one that it is in", place, ref)
	}
	r.open = append(r.open, ref)
	defer func() { r.open = r.open[:len(r.open)-1] }()
	at := r.root.Content[0]
	for _, name := range []string{"components", "messages", key, "payload"} {
		members, err := mapping(at)
		if err != nil || members[name] == nil {
			return &schema{}, fmt.Errorf("%s: there is no %s", place, ref)
		}
		at = members[name]
	}
	return r.read("components/messages/"+key+"/payload", goName(key), at)
}

// kindOf is the row of kinds that a schema must keep.
func kindOf(members map[string]*yaml.Node) string {
	kind, additional := members["type"], members["additionalProperties"]
	switch {
	case kind == nil:
		return ""
	case kind.Value == "string":
		for _, keyword := range []string{"const", "enum", "format"} {
			if members[keyword] != nil {
				return keyword
			}
		}
	case kind.Value == "object" && (members["propertyNames"] != nil || additional != nil && additional.Kind == yaml.MappingNode):
		return "map"
	}
	return kind.Value
}

// mapping is a YAML mapping by its names, none of them twice.
func mapping(n *yaml.Node) (map[string]*yaml.Node, error) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, errors.New("must be a mapping")
	}
	out := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i < len(n.Content); i += 2 {
		if out[n.Content[i].Value] != nil {
			return nil, fmt.Errorf("%s is there twice", n.Content[i].Value)
		}
		out[n.Content[i].Value] = n.Content[i+1]
	}
	return out, nil
}
