package cursor

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"

	"centinela/shared/fault"
)

type place struct {
	At int64  `json:"at"`
	ID string `json:"id"`
}

func TestRoundTrip(t *testing.T) {
	want := place{At: 1 << 60, ID: "evt_ü/?&"}
	s := Encode(want)
	if url.QueryEscape(s) != s {
		t.Errorf("%q is not safe in a URL", s)
	}
	var got place
	if err := Decode(s, &got); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	raw := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	tests := map[string]string{
		"empty":           "",
		"no base64":       "%%%",
		"padded":          base64.URLEncoding.EncodeToString([]byte(`{"at":1}`)) + "=",
		"no json":         raw("hello"),
		"unknown field":   raw(`{"at":1,"other":2}`),
		"wrong type":      raw(`{"at":"1"}`),
		"something after": raw(`{"at":1}{"at":2}`),
		"null":            raw(`null`),
		"nothing":         raw(`{}`),
		"another case":    raw(`{"AT":1,"ID":""}`),
		"twice":           raw(`{"at":1,"at":2,"id":""}`),
		"too long":        raw(`{"id":"` + strings.Repeat("x", maxLength) + `"}`),
	}
	for name, s := range tests {
		t.Run(name, func(t *testing.T) {
			var got place
			err := Decode(s, &got)
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v", err)
			}
			if f := fault.From(err); f.Kind != fault.KindInvalid || f.Code != fault.CodeInvalidCursor {
				t.Errorf("got kind %d %s", f.Kind, f.Code)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(place{At: 1, ID: "x"}))
	f.Add("bnVsbA")
	f.Fuzz(func(t *testing.T, s string) {
		var got, again place
		if Decode(s, &got) != nil {
			return
		}
		if err := Decode(Encode(got), &again); err != nil || again != got || Encode(got) != s {
			t.Errorf("%q decodes to %+v, which doesn't survive: %v", s, got, err)
		}
	})
}
