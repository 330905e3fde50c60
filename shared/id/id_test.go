package id

import (
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s := New("acc")
		if len(s) != 28 || !strings.HasPrefix(s, "acc_") || !Valid("acc", s) || seen[s] {
			t.Fatalf("%q is malformed or came twice", s)
		}
		seen[s] = true
	}
}

func TestValid(t *testing.T) {
	const tail = "0123456789abcdefghjkmnpq"
	tests := map[string]struct {
		prefix, s string
		want      bool
	}{
		"good":          {"acc", "acc_" + tail, true},
		"other prefix":  {"ses", "acc_" + tail, false},
		"empty":         {"acc", "", false},
		"prefix only":   {"acc", "acc_", false},
		"no underscore": {"acc", "acc" + tail + "x", false},
		"short":         {"acc", "acc_" + tail[1:], false},
		"long":          {"acc", "acc_" + tail + "0", false},
		"upper case":    {"acc", "acc_" + strings.ToUpper(tail), false},
		"letter u":      {"acc", "acc_u" + tail[1:], false},
		"path":          {"acc", "acc_../" + tail[3:], false},
		"line end":      {"acc", "acc_" + tail[1:] + "\n", false},
		"not ascii":     {"acc", "acc_é" + tail[2:], false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if Valid(test.prefix, test.s) != test.want {
				t.Errorf("Valid(%q, %q) is %v", test.prefix, test.s, !test.want)
			}
		})
	}
}
