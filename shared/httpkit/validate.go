package httpkit

import (
	"bytes"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
	"centinela/shared/strictjson"
)

var (
	errInvalid   = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "the request is not as the specification says")
	errMediaType = fault.New(fault.KindUnsupportedMedia, fault.CodeUnsupportedMediaType, "")
	errNoBody    = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "the operation takes no body")
	errJSON      = fault.New(fault.KindInvalid, fault.CodeInvalidJSON, "")
)

// validator checks requests against the specification. It sets no defaults: what a handler reads is what came.
type validator struct {
	params *openapi3filter.Options           // of everything but the body
	form   *openapi3filter.Options           // of a form, which the library reads itself
	schema []openapi3.SchemaValidationOption // of a JSON body, read by strictjson
}

func newValidator() *validator {
	// Formats are given per check, not registered in kin-openapi's global table.
	formats := openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"email": openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForEmail),
		"uuid":  openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC9562),
	})
	// The library's own text prints the rejected value. Nothing reads this text, but nothing could leak it either.
	keyword := func(err *openapi3.SchemaError) string { return err.SchemaField }
	options := func(form bool) *openapi3filter.Options {
		o := &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true, ExcludeRequestBody: !form,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{formats},
		}
		o.WithCustomSchemaErrorFunc(keyword)
		return o
	}
	return &validator{
		params: options(false), form: options(true),
		schema: []openapi3.SchemaValidationOption{
			openapi3.VisitAsRequest(), openapi3.MultiErrors(), openapi3.SetSchemaErrorMessageCustomizer(keyword), formats,
		},
	}
}

// validate is the last middleware before the handler, which finds the body unread.
func (s *Server) validate(c *gin.Context) {
	op := stateOf(c.Request.Context()).op
	if op.route == nil {
		c.Next()
		return
	}
	if err := s.check.request(c.Request, op, c.Params); err != nil {
		Fail(c, err)
		return
	}
	c.Next()
}

func (v *validator) request(r *http.Request, op *operation, params gin.Params) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errInvalid.WithFields(fault.Field{Pointer: "query:", Code: string(fault.CodeInvalidField), Detail: "is not a query"})
	}
	for name := range query {
		if !op.query[name] {
			return errInvalid.WithFields(fault.Field{
				Pointer: "query:" + shorten(name, 64), Code: string(fault.CodeUnknownField), Detail: "is not known here",
			})
		}
	}
	options, invalid, err := v.body(r, op)
	if err != nil {
		return err
	}
	path := make(map[string]string, len(params))
	for _, p := range params {
		path[p.Key] = p.Value
	}
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: path, QueryParams: query, Route: op.route, Options: options,
	})
	if err == nil && invalid == nil {
		return nil
	}
	if fields := violations(openapi3.MultiError{err, invalid}); len(fields) > 0 {
		return errInvalid.WithFields(fields...)
	}
	return faultFromReading(err)
}

// body checks the media type, and reads JSON, once: what it holds goes to the schema as it is, and the handler finds the
// bytes. invalid is what the schema says. Other bodies are left to be streamed by the handler, except forms, which the
// library decodes.
func (v *validator) body(r *http.Request, op *operation) (options *openapi3filter.Options, invalid, err error) {
	empty := r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	if op.body == nil {
		if !empty {
			return nil, nil, errNoBody
		}
		return v.params, nil, nil
	}
	if empty {
		return v.form, nil, nil // it says whether one is required
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	content := op.body.Content.Get(mediaType)
	if err != nil || content == nil {
		return nil, nil, errMediaType.WithDetail("the operation takes " + strings.Join(slices.Sorted(maps.Keys(op.body.Content)), ", "))
	}
	switch {
	case mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"):
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, nil, faultFromReading(err)
		}
		value, wrong := strictjson.Decode(data)
		if wrong != nil {
			return nil, nil, errJSON.WithDetail("the body " + wrong.Detail())
		}
		r.ContentLength = int64(len(data))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		r.Body = io.NopCloser(bytes.NewReader(data))
		if content.Schema != nil {
			invalid = content.Schema.Value.VisitJSON(value, v.schema...)
		}
		return v.params, invalid, nil
	case mediaType == "application/x-www-form-urlencoded":
		return v.form, nil, nil
	}
	return v.params, nil, nil
}
