package httpkit

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/gin-gonic/gin"

	"centinela/shared/fault"
)

var (
	errInvalid   = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "the request is not as the specification says")
	errMediaType = fault.New(fault.KindUnsupportedMedia, fault.CodeUnsupportedMediaType, "the body has a type that the operation does not take")
	errNoBody    = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "the operation takes no body")
	errJSON      = fault.New(fault.KindInvalid, fault.CodeInvalidJSON, "")
)

// validator checks requests against the specification. It sets no defaults: what a handler reads is what came.
type validator struct {
	withBody, withoutBody *openapi3filter.Options
}

func newValidator() *validator {
	// Formats are given per check, not registered in kin-openapi's global table.
	formats := openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"email": openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForEmail),
		"uuid":  openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForUUIDOfRFC9562),
	})
	options := func(body bool) *openapi3filter.Options {
		o := &openapi3filter.Options{
			MultiError: true, SkipSettingDefaults: true, ExcludeRequestBody: !body,
			SchemaValidationOptions: []openapi3.SchemaValidationOption{formats},
		}
		// The library's own text prints the rejected value. Nothing reads this text, but nothing could leak it either.
		o.WithCustomSchemaErrorFunc(func(err *openapi3.SchemaError) string { return err.SchemaField })
		return o
	}
	return &validator{withBody: options(true), withoutBody: options(false)}
}

// validate is the last middleware before the handler, which finds the body unread.
func (s *Server) validate(c *gin.Context) {
	op := stateOf(c.Request.Context()).op
	if op.route == nil {
		c.Next()
		return
	}
	if err := s.check.request(c.Request, op, c.Params); err != nil {
		fail(c, err)
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
	options, err := v.body(r, op)
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
	if err == nil {
		return nil
	}
	if fields := violations(err); len(fields) > 0 {
		return errInvalid.WithFields(fields...)
	}
	return faultFromReading(err)
}

// body checks the media type, and reads and scans JSON. Other bodies are left to be streamed by the handler, except
// forms, which the library decodes.
func (v *validator) body(r *http.Request, op *operation) (*openapi3filter.Options, error) {
	empty := r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0
	if op.body == nil {
		if !empty {
			return nil, errNoBody
		}
		return v.withoutBody, nil
	}
	if empty {
		return v.withBody, nil // it says whether one is required
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || op.body.Content.Get(mediaType) == nil {
		return nil, errMediaType
	}
	switch {
	case mediaType == "application/json" || strings.HasSuffix(mediaType, "+json"):
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, faultFromReading(err)
		}
		if err := scanJSON(data); err != nil {
			return nil, errJSON.WithDetail(err.Error())
		}
		r.ContentLength = int64(len(data))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
		r.Body = io.NopCloser(bytes.NewReader(data))
		return v.withBody, nil
	case mediaType == "application/x-www-form-urlencoded":
		return v.withBody, nil
	}
	return v.withoutBody, nil
}
