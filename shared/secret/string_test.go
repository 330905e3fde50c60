package secret

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	yamlv3 "go.yaml.in/yaml/v3"
)

const planted = "hunter2-planted"

// holder has a secret in every place where fmt and the encoders treat it
// differently: exported, unexported, behind a pointer, in a map and a slice.
type holder struct {
	Public  String
	Pointer *String
	List    []String
	Table   map[string]String
	Any     any
	Key     Key
	hidden  String
	key     Key
}

// Design "Errors": secret.String redacts itself in fmt, JSON and slog; a test
// plants secrets and greps all output for them.
func TestNothingPrintsASecret(t *testing.T) {
	s := NewString(planted)
	key, err := NewKey([]byte(planted + strings.Repeat("x", keySize-len(planted))))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"string": s, "pointer": &s, "key": key, "pointer to key": &key,
		"holder":            holder{s, &s, []String{s}, map[string]String{"a": s}, s, key, s, key},
		"pointer to holder": &holder{s, &s, []String{s}, map[string]String{"a": s}, s, key, s, key},
		"slice":             []holder{{hidden: s, key: key}},
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%10s", "%T", "%w"} {
				fmt.Fprintf(&out, verb, value)
			}
			fmt.Fprint(&out, value)
			fmt.Fprintln(&out, fmt.Errorf("failed: %v", value))
			slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
			slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
			for _, encode := range []func(any) ([]byte, error){json.Marshal, xml.Marshal, yamlv3.Marshal} {
				body, err := encode(value)
				if err != nil {
					fmt.Fprint(&out, err) // xml takes no maps; the error is output too
				}
				out.Write(body)
			}
			for _, form := range []string{planted, fmt.Sprintf("%x", planted), fmt.Sprintf("%X", planted), "104 117 110"} {
				if strings.Contains(out.String(), form) {
					t.Errorf("a secret shows as %q in:\n%s", form, out.String())
				}
			}
		})
	}
}

func TestStringRedacts(t *testing.T) {
	s := NewString(planted)
	body, err := json.Marshal(map[string]any{"s": s})
	if err != nil || string(body) != `{"s":"[redacted]"}` {
		t.Errorf("%s, %v", body, err)
	}
	if got := fmt.Sprintf("%s %v %#v", s, s, s); got != "[redacted] [redacted] [redacted]" {
		t.Errorf("got %q", got)
	}
	if s.String() != redacted {
		t.Error("not redacted")
	}
}

func TestStringValue(t *testing.T) {
	s := NewString(planted)
	if s.Reveal() != planted || s.IsZero() || !s.Equal(NewString(planted)) || s.Equal(NewString("hunter3-planted")) || s.Equal(String{}) {
		t.Error("the value is lost")
	}
	if empty := NewString(""); !empty.IsZero() || empty.Reveal() != "" || !empty.Equal(String{}) {
		t.Error("the empty text is not zero")
	}
	if !reflect.DeepEqual(s, NewString(planted)) {
		t.Error("equal secrets are not DeepEqual, which tests of stores need")
	}
	if reflect.TypeFor[String]().Comparable() {
		t.Error("== compiles: it compares addresses")
	}
}

func TestStringUnmarshal(t *testing.T) {
	var into struct{ S String }
	if err := json.Unmarshal([]byte(`{"S":"hunter2-planted"}`), &into); err != nil || into.S.Reveal() != planted {
		t.Errorf("JSON gives %q, %v", into.S.Reveal(), err)
	}
	if err := into.S.UnmarshalText([]byte(redacted)); err == nil || into.S.Reveal() != planted {
		t.Error("the placeholder became a value")
	}
}
