package httpkit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-json-experiment/json/jsontext"

	"centinela/shared/fault"
)

// maxFields bounds the list: whoever breaks everything needs no full account of it.
const maxFields = 20

// violations turns kin-openapi's tree of errors into fields: where, which rule, and a sentence about the rule. The
// rejected value is never part of it, and neither is the library's own text.
func violations(err error) []fault.Field {
	var fields []fault.Field
	collect(err, "", &fields)
	return fields
}

// collect walks the tree; at is where the parts below belong ("" is the body).
func collect(err error, at string, fields *[]fault.Field) {
	if len(*fields) >= maxFields {
		return
	}
	switch e := err.(type) { //nolint:errorlint // the tree is walked level by level
	case openapi3.MultiError:
		for _, part := range e {
			collect(part, at, fields)
		}
	case *openapi3filter.RequestError:
		if e.Parameter != nil {
			at = e.Parameter.In + ":" + e.Parameter.Name
		}
		collectRequest(e, at, fields)
	case *openapi3.SchemaError:
		collectSchema(e, at, fields)
	}
}

func collectRequest(e *openapi3filter.RequestError, at string, fields *[]fault.Field) {
	_, unparsed := errors.AsType[*openapi3filter.ParseError](e.Err)
	_, unread := errors.AsType[*fault.Error](e.Err) // the body's reader returns faults (limitedBody)
	switch {
	case errors.Is(e.Err, openapi3filter.ErrInvalidRequired):
		add(fields, at, string(fault.CodeInvalidField), "is required")
	case errors.Is(e.Err, openapi3filter.ErrInvalidEmptyValue):
		add(fields, at, string(fault.CodeInvalidField), "must not be empty")
	case unparsed && !unread:
		add(fields, at, string(fault.CodeInvalidField), "cannot be read as its type")
	default:
		collect(e.Err, at, fields)
	}
}

func collectSchema(e *openapi3.SchemaError, at string, fields *[]fault.Field) {
	if inner, ok := e.Origin.(*openapi3.SchemaError); ok && e.SchemaField != "format" { //nolint:errorlint // one level
		collectSchema(inner, at, fields)
		return
	}
	if at == "" || strings.HasPrefix(at, "/") {
		at = ""
		for _, name := range e.JSONPointer() {
			at = inside(at, name)
		}
	}
	if name, ok := unsupportedName(e); ok {
		add(fields, inside(at, name), string(fault.CodeUnknownField), "is not known here")
		return
	}
	add(fields, at, string(fault.CodeInvalidField), rule(e))
}

func add(fields *[]fault.Field, at, code, detail string) {
	if len(*fields) < maxFields {
		*fields = append(*fields, fault.Field{Pointer: shorten(at, 256), Code: code, Detail: detail})
	}
}

// unsupportedName finds the name of a property that additionalProperties: false refuses. The library has it in its
// reason only.
func unsupportedName(e *openapi3.SchemaError) (string, bool) {
	if e.SchemaField != "properties" && e.SchemaField != "additionalProperties" {
		return "", false
	}
	quoted, ok := strings.CutSuffix(strings.TrimPrefix(e.Reason, "property "), " is unsupported")
	if !ok {
		return "", false
	}
	name, err := strconv.Unquote(quoted)
	return shorten(name, 64), err == nil
}

// rule says which rule was broken, with its limits and without the value.
func rule(e *openapi3.SchemaError) string {
	s := e.Schema
	if s == nil {
		return "is not valid"
	}
	switch e.SchemaField {
	case "required":
		return "is required"
	case "type":
		if s.Type != nil {
			return "must be of type " + strings.Join(*s.Type, " or ")
		}
	case "nullable":
		return "must not be null"
	case "minLength":
		return fmt.Sprintf("must be at least %d characters", s.MinLength)
	case "maxLength":
		if s.MaxLength != nil {
			return fmt.Sprintf("must be at most %d characters", *s.MaxLength)
		}
	case "minItems":
		return fmt.Sprintf("must have at least %d items", s.MinItems)
	case "maxItems":
		if s.MaxItems != nil {
			return fmt.Sprintf("must have at most %d items", *s.MaxItems)
		}
	case "minimum", "exclusiveMinimum":
		if s.Min != nil {
			return fmt.Sprintf("must be at least %v", *s.Min)
		}
	case "maximum", "exclusiveMaximum":
		if s.Max != nil {
			return fmt.Sprintf("must be at most %v", *s.Max)
		}
	case "enum":
		return "must be one of the listed values"
	case "pattern":
		return "does not have the required form"
	case "format":
		return "must be of format " + s.Format
	case "uniqueItems":
		return "must not have an item twice"
	}
	return "is not valid (" + e.SchemaField + ")"
}

// inside is the JSON pointer (RFC 6901) of a member of what at points to.
func inside(at, name string) string { return string(jsontext.Pointer(at).AppendToken(name)) }
