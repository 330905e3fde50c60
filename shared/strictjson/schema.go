package strictjson

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind is the JSON type that a Schema takes.
type Kind uint8

// The kinds. An Object has the members that its schema lists, a Map any names that its rules take.
const (
	String Kind = iota
	Integer
	Boolean
	Array
	Object
	Map
)

// String says it for people, with an article.
func (k Kind) String() string {
	return [...]string{"a text", "an integer", "true or false", "a list", "an object", "an object"}[k]
}

// Schema is what a value must be like. Every bound counts: a table is generated with all that its kinds have.
type Schema struct {
	Kind                 Kind
	MinLength, MaxLength int            // of a String, in characters
	Enum                 []string       // the only values of a String; nil: any
	Pattern              *regexp.Regexp // that a String matches; nil: any
	Time                 bool           // a String is a time (RFC 3339)
	Min, Max             int64          // of an Integer
	MaxItems             int            // entries of an Array, members of a Map
	Items                *Schema        // each entry of an Array, each value of a Map
	Names                *Schema        // each name of a Map
	Fields               []Field        // the members of an Object; it has no others
}

// Field is a member of an Object.
type Field struct {
	Name     string
	Required bool
	Schema   Schema
}

// Check holds a value of Decode against the schema and returns the first fault: at each level a member that isn't known
// before any other, then those of the members in the schema's order. nil: the value keeps every rule.
func (s *Schema) Check(v any) *Fault {
	switch v := v.(type) {
	case string:
		if s.Kind == String {
			return s.text(v)
		}
	case json.Number:
		if s.Kind == Integer {
			return s.integer(v)
		}
	case bool:
		if s.Kind == Boolean {
			return nil
		}
	case []any:
		if s.Kind == Array {
			return s.list(v)
		}
	case map[string]any:
		if s.Kind == Object {
			return s.object(v)
		}
		if s.Kind == Map {
			return s.entries(v)
		}
	}
	return s.breaks(Type)
}

func (s *Schema) breaks(k Keyword) *Fault { return &Fault{Keyword: k, schema: s} }

// timeForm is RFC 3339's, where time.Parse takes a comma and one digit for the hour too (go.dev/issue/54580).
var timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$`)

func (s *Schema) text(v string) *Fault {
	switch n := utf8.RuneCountInString(v); {
	case s.Time:
		if _, err := time.Parse(time.RFC3339, v); err != nil || !timeForm.MatchString(v) {
			return s.breaks(Format)
		}
	case s.Enum != nil:
		if !slices.Contains(s.Enum, v) {
			return s.breaks(Enum)
		}
	case n < s.MinLength:
		return s.breaks(MinLength)
	case n > s.MaxLength:
		return s.breaks(MaxLength)
	case s.Pattern != nil && !s.Pattern.MatchString(v):
		return s.breaks(Pattern)
	}
	return nil
}

// integer takes digits only: 1e3 and 1.0 are integers to some readers and not to others.
func (s *Schema) integer(v json.Number) *Fault {
	if strings.ContainsAny(string(v), ".eE") {
		return s.breaks(Type)
	}
	n, err := strconv.ParseInt(string(v), 10, 64) // beyond 64 bits it is the nearest that they hold
	switch {
	case n < s.Min, err != nil && n < 0:
		return s.breaks(Minimum)
	case n > s.Max, err != nil:
		return s.breaks(Maximum)
	}
	return nil
}

func (s *Schema) list(v []any) *Fault {
	if len(v) > s.MaxItems {
		return s.breaks(MaxItems)
	}
	for i, item := range v {
		if f := s.Items.Check(item); f != nil {
			return f.in(strconv.Itoa(i))
		}
	}
	return nil
}

func (s *Schema) object(v map[string]any) *Fault {
	var first *Fault
	known := 0
	for i := range s.Fields {
		field := &s.Fields[i]
		value, ok := v[field.Name]
		if ok {
			known++
		}
		switch {
		case first != nil:
		case ok:
			first = field.Schema.Check(value).in(field.Name)
		case field.Required:
			first = field.Schema.breaks(Required).in(field.Name)
		}
	}
	if known < len(v) {
		return s.breaks(Unknown)
	}
	return first
}

// entries are a Map's. Its names are the sender's: the fault is the Map's, without them. The names are tried in order,
// so that the same text always breaks the same rule.
func (s *Schema) entries(v map[string]any) *Fault {
	if len(v) > s.MaxItems {
		return s.breaks(MaxProperties)
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if f := s.Names.text(name); f != nil {
			return f
		}
		if f := s.Items.Check(v[name]); f != nil {
			f.Pointer = ""
			return f
		}
	}
	return nil
}
