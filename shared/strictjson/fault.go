package strictjson

import (
	"fmt"
	"strings"
)

// Keyword is the rule that a text breaks; those of a Schema have JSON Schema's names.
type Keyword string

// The rules of every text.
const (
	Syntax    Keyword = "syntax"    // not one JSON value
	UTF8      Keyword = "utf8"      // bytes that are no UTF-8
	Surrogate Keyword = "surrogate" // an escape of half a surrogate pair: no character
	Duplicate Keyword = "duplicate" // a name twice in one object: readers differ on which one counts
	Depth     Keyword = "depth"     // more than MaxDepth levels
	Size      Keyword = "size"      // more than MaxBytes
)

// The rules of a Schema.
const (
	Type          Keyword = "type" // another JSON type, null too; a number that isn't written as an integer
	Required      Keyword = "required"
	Unknown       Keyword = "additionalProperties"
	MinLength     Keyword = "minLength"
	MaxLength     Keyword = "maxLength"
	MaxItems      Keyword = "maxItems"
	MaxProperties Keyword = "maxProperties"
	Minimum       Keyword = "minimum"
	Maximum       Keyword = "maximum"
	Enum          Keyword = "enum"
	Pattern       Keyword = "pattern"
	Format        Keyword = "format"
)

// Fault is the first rule that a text breaks, and where.
type Fault struct {
	Keyword Keyword
	// Pointer is where (RFC 6901). Of a Schema's rule it holds names of the specification and places in lists only; of
	// the rules of every text, names that the sender chose.
	Pointer string
	schema  *Schema // that has the rule
}

// Detail is a sentence's end for people, with the rule's limits and nothing of the text: "must be …".
func (f *Fault) Detail() string {
	s := f.schema
	switch f.Keyword {
	case UTF8:
		return "is not valid UTF-8"
	case Surrogate:
		return "has half of a surrogate pair"
	case Duplicate:
		return "names a field twice"
	case Depth:
		return "is nested too deeply"
	case Size:
		return "is too long"
	case Type:
		return "must be " + s.Kind.String()
	case Required:
		return "is required"
	case Unknown:
		return "has a field that is not known here"
	case MinLength, MaxLength:
		return fmt.Sprintf("must have %d to %d characters", s.MinLength, s.MaxLength)
	case MaxItems, MaxProperties:
		return fmt.Sprintf("must have at most %d entries", s.MaxItems)
	case Minimum, Maximum:
		return fmt.Sprintf("must be from %d to %d", s.Min, s.Max)
	case Enum:
		return "must be one of: " + strings.Join(s.Enum, ", ")
	case Pattern:
		return "has characters that are not taken here"
	case Format:
		return "must be a date and time (RFC 3339)"
	default:
		return "is not valid JSON"
	}
}

// in is the fault seen from outside of the member or entry that it is in.
func (f *Fault) in(name string) *Fault {
	if f != nil {
		f.Pointer = "/" + name + f.Pointer
	}
	return f
}
