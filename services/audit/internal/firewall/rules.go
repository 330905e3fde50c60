package firewall

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"centinela/shared/record"
)

//go:embed rules/default.yaml
var defaultRules []byte

// The modes of a rule.
const (
	Enforce = "enforce"
	LogOnly = "log"
)

const (
	maxWindow = 24 * time.Hour
	maxCount  = 1000
	// keyAddress is the key whose verdict is on an ip or, for IPv6, a prefix.
	keyAddress = "address"
)

// Rule makes a verdict of Count events of one key within Window.
type Rule struct {
	ID     string        `yaml:"id"`
	Event  string        `yaml:"event"`
	From   string        `yaml:"from"` // the service that may report it (R4.1)
	Key    string        `yaml:"key"`
	Count  int           `yaml:"count"`
	Window time.Duration `yaml:"window"` // may be left out where Count is 1
	Action string        `yaml:"action"`
	TTL    time.Duration `yaml:"ttl"`
	Until  string        `yaml:"until"` // data field with the end; TTL where it is missing
	Mode   string        `yaml:"mode"`
	Reason string        `yaml:"reason"`
}

var ruleID = regexp.MustCompile(`^[a-z][a-z0-9_]{2,63}$`)

// DefaultRules are those that the product ships with.
func DefaultRules() ([]Rule, error) { return ParseRules(defaultRules) }

// ParseRules reads and checks a rules file; the error names every problem.
func ParseRules(text []byte) ([]Rule, error) {
	var file struct {
		Rules []Rule `yaml:"rules"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	var problems []error
	seen := make(map[string]bool)
	for i, rule := range file.Rules {
		for _, problem := range rule.problems() {
			problems = append(problems, fmt.Errorf("rules[%d] %s", i, problem))
		}
		if seen[rule.ID] {
			problems = append(problems, fmt.Errorf("rules[%d] id: used twice", i))
		}
		seen[rule.ID] = true
	}
	return file.Rules, errors.Join(problems...)
}

func (r Rule) problems() []string {
	var found []string
	check := func(ok bool, problem string) {
		if !ok {
			found = append(found, problem)
		}
	}
	check(ruleID.MatchString(r.ID) && r.ID != Operator, "id: must be 3 to 64 of a-z, 0-9 and _, and not operator")
	check(record.Known(r.Event), "event: must be a known action")
	// A rule on the firewall's own events would feed itself.
	check(!strings.HasPrefix(r.Event, "firewall."), "event: must not be one of the firewall's own")
	check(r.From != "", "from: must name the service that reports the event")
	check(r.Key == keyAddress || r.Key == Account || r.Key == Session || r.Key == Device, "key: must be address, account, session or device")
	check(r.Count >= 1 && r.Count <= maxCount, "count: must be from 1 to 1000")
	check(r.Window >= 0 && r.Window <= maxWindow && (r.Count <= 1 || r.Window >= time.Second), "window: must be from 1s to 24h")
	check(r.Mode == Enforce || r.Mode == LogOnly, "mode: must be enforce or log")
	if err := checkTerms(r.Action, r.Reason, r.TTL); err != nil {
		check(r.Action == Allow || r.Action == Refuse, "action: must be allow or refuse")
		check(r.TTL >= time.Second && r.TTL <= maxTTL, "ttl: must be from 1s to 8760h")
		check(r.Reason != "" && len(r.Reason) <= maxReason, "reason: must be 1 to 200 characters")
	}
	return found
}
