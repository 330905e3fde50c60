package fault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	yamlv3 "go.yaml.in/yaml/v3"
)

// Design "Errors": one table maps Kind to status.
func TestKindStatus(t *testing.T) {
	want := map[Kind]int{
		KindInternal: 500, KindInvalid: 400, KindUnauthenticated: 401, KindForbidden: 403, KindNotFound: 404,
		KindMethodNotAllowed: 405, KindRequestTimeout: 408, KindConflict: 409, KindGone: 410, KindTooLarge: 413, KindUnsupportedMedia: 415,
		KindUnprocessable: 422, KindTooMany: 429, KindUnavailable: 503, KindTimeout: 504,
	}
	if len(want) != len(statuses) {
		t.Errorf("the table has %d kinds, the test %d", len(statuses), len(want))
	}
	for kind, status := range want {
		if kind.Status() != status {
			t.Errorf("kind %d is %d, not %d", kind, kind.Status(), status)
		}
		if KindOf(status) != kind {
			t.Errorf("%d is kind %d, not %d", status, KindOf(status), kind)
		}
	}
	if Kind(200).Status() != 500 || KindOf(418) != KindInternal {
		t.Error("an unknown kind or status is not internal")
	}
}

// Design "Errors": the codes are an enum in openapi/common.yaml, and a test
// holds the two lists together.
func TestCodesAreTheSpecs(t *testing.T) {
	body, err := os.ReadFile("../../openapi/common.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Components struct {
			Schemas struct {
				ErrorCode struct {
					Enum []Code `yaml:"enum"`
				} `yaml:"ErrorCode"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yamlv3.Unmarshal(body, &spec); err != nil {
		t.Fatal(err)
	}
	inSpec, inCode := spec.Components.Schemas.ErrorCode.Enum, Codes()
	for _, code := range inCode {
		if !slices.Contains(inSpec, code) {
			t.Errorf("%q is in codes.go and not in the enum ErrorCode", code)
		}
	}
	for _, code := range inSpec {
		if !slices.Contains(inCode, code) {
			t.Errorf("%q is in the enum ErrorCode and not in codes.go", code)
		}
	}
	for _, list := range [][]Code{inSpec, inCode} {
		slices.Sort(list)
		if len(slices.Compact(slices.Clone(list))) != len(list) {
			t.Errorf("a code stands twice: %v", list)
		}
	}
}

// Every constant of codes.go stands in its list too, so that the comparison
// with the spec leaves none out.
func TestCodesListIsWhole(t *testing.T) {
	source, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	if constants := strings.Count(string(source), ` Code = "`); constants != len(codes) {
		t.Errorf("%d constants, %d in the list", constants, len(codes))
	}
	if !CodeBusy.Known() || Code("made_up").Known() {
		t.Error("Known is wrong")
	}
}

var errGone = New(KindNotFound, CodeNotFound, "no such thing")

// Design "Errors": an unlisted error is a 500 without detail.
func TestFrom(t *testing.T) {
	unlisted := errors.New("pq: password hunter2 refused")
	var typedNil *Error
	tests := map[string]struct {
		err    error
		kind   Kind
		code   Code
		detail string
	}{
		"fault":             {errGone, KindNotFound, CodeNotFound, "no such thing"},
		"wrapped fault":     {fmt.Errorf("load: %w", errGone), KindNotFound, CodeNotFound, "no such thing"},
		"fault over cause":  {errGone.WithCause(context.DeadlineExceeded), KindNotFound, CodeNotFound, "no such thing"},
		"deadline":          {fmt.Errorf("q: %w", context.DeadlineExceeded), KindTimeout, CodeTimeout, "the request took too long"},
		"unlisted":          {unlisted, KindInternal, CodeInternal, ""},
		"cancelled":         {context.Canceled, KindInternal, CodeInternal, ""},
		"typed nil pointer": {typedNil, KindInternal, CodeInternal, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := From(test.err)
			if got.Kind != test.kind || got.Code != test.code || got.Detail != test.detail {
				t.Errorf("got kind %d %s %q", got.Kind, got.Code, got.Detail)
			}
		})
	}
	if From(nil) != nil {
		t.Error("nil is an error")
	}
	if got := From(unlisted); !errors.Is(got, unlisted) || strings.Contains(got.Error(), "hunter2") {
		t.Errorf("the cause must stay reachable and unprinted: %q", got)
	}
}

func TestErrorIdentity(t *testing.T) {
	cause := errors.New("secret cause")
	made := errGone.WithCause(cause).WithDetail("other words").WithRetryAfter(time.Second).
		WithFields(Field{Pointer: "/a", Code: "x"}).WithFields(Field{Pointer: "query:b", Code: "y"})
	if !errors.Is(made, errGone) || !errors.Is(made, cause) {
		t.Error("a copy isn't its sentinel any more, or lost its cause")
	}
	if errors.Is(New(KindNotFound, CodeConflict, ""), errGone) {
		t.Error("the kind alone makes two errors the same")
	}
	if made.Error() != "not_found: other words" || New(KindInternal, CodeInternal, "").Error() != "internal" {
		t.Errorf("text %q", made)
	}
	if len(made.Fields) != 2 || made.RetryAfter != time.Second {
		t.Errorf("lost a part: %+v", made)
	}
	if errGone.Fields != nil || errGone.RetryAfter != 0 || errGone.Detail != "no such thing" || errGone.Unwrap() != nil {
		t.Error("a With method changed the sentinel")
	}
}
