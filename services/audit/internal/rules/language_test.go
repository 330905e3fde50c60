package rules

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultRules(t *testing.T) {
	rules, err := Default()
	if err != nil || len(rules) != 1 {
		t.Fatalf("%d rules, %v", len(rules), err)
	}
	if r := rules[0]; r.ID != "protocol_violation" || r.Count != 3 || r.Window != 10*time.Minute || r.TTL != 10*time.Minute || r.Quiet != time.Minute || r.Mode != Enforce {
		t.Errorf("%+v", r)
	}
}

// R5.3: a rules file with a mistake is refused, with every mistake named.
func TestParseRefuses(t *testing.T) {
	good := map[string]string{
		"id": "my_rule", "event": "session.refused", "from": "auth", "key": "address", "count": "3", "window": "10m",
		"action": "refuse", "ttl": "10m", "mode": "log", "reason": "why",
	}
	text := func(change, value string) []byte {
		var b strings.Builder
		b.WriteString("rules:\n  - ")
		first := true
		for _, key := range []string{"id", "event", "from", "key", "count", "window", "action", "ttl", "mode", "reason"} {
			v := good[key]
			if key == change {
				v = value
			}
			if v == "" {
				continue
			}
			if !first {
				b.WriteString("    ")
			}
			first = false
			b.WriteString(key + ": " + v + "\n")
		}
		return []byte(b.String())
	}
	if rules, err := Parse(text("", "")); err != nil || len(rules) != 1 {
		t.Fatalf("the good one: %v", err)
	}
	// Each bound can be reached, and not passed.
	for _, test := range []struct{ key, most, more string }{
		{"id", "a" + strings.Repeat("b", 63), "a" + strings.Repeat("b", 64)},
		{"id", "abc", "ab"},
		{"count", "1000", "1001"},
		{"count", "1", "0"},
		{"window", "24h", "24h1ns"},
		{"window", "1s", "999ms"},
		{"ttl", "8760h", "8760h1ns"},
		{"ttl", "1s", "999ms"},
		{"reason", strings.Repeat("ñ", 200), strings.Repeat("ñ", 201)},
		{"reason", "why\n    quiet: 24h", "why\n    quiet: 24h1ns"},
		{"reason", "why\n    quiet: 1s", "why\n    quiet: 999ms"},
	} {
		if _, err := Parse(text(test.key, test.most)); err != nil {
			t.Errorf("%s: %q: %v", test.key, test.most, err)
		}
		if _, err := Parse(text(test.key, test.more)); err == nil {
			t.Errorf("%s: %q is taken", test.key, test.more)
		}
	}
	for _, test := range []struct{ key, value, want string }{
		{"id", "X", "id:"},
		{"id", "operator", "id:"},
		{"event", "made.up", "event:"},
		{"event", "firewall.verdict_added", "event:"},
		{"from", "", "from:"},
		{"key", "phone", "key:"},
		{"key", "[]", "key:"},
		{"key", "[account, account]", "key:"},
		{"key", "[account, phone]", "key:"},
		{"key", "[account, address, device]", "key:"},
		{"reason", "why\n    quiet: 25h", "quiet:"},
		{"count", "0", "count:"},
		{"count", "many", "rules:"},
		{"window", "0s", "window:"},
		{"window", "25h", "window:"},
		{"action", "shout", "action:"},
		{"ttl", "0s", "ttl:"},
		{"ttl", "9000h", "ttl:"},
		{"mode", "", "mode:"},
		{"reason", "", "reason:"},
		{"reason", "why\n    colour: red", "colour"},
	} {
		if _, err := Parse(text(test.key, test.value)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q: %v", test.key, test.value, err)
		}
	}
	twice := append(text("", ""), []byte(strings.TrimPrefix(string(text("", "")), "rules:\n"))...)
	if _, err := Parse(twice); err == nil || !strings.Contains(err.Error(), "used twice") {
		t.Errorf("the same id: %v", err)
	}
}
