package rules

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"centinela/shared/record"
)

//go:embed default.yaml
var defaultRules []byte

// The modes of a rule.
const (
	Enforce = "enforce"
	LogOnly = "log"
)

// What is counted in an event, and what the decision is about.
const (
	KeyAddress = "address" // IPv6 by /64: a person owns a whole one
	KeyAccount = "account"
	KeySession = "session"
	KeyDevice  = "device"
)

const (
	maxWindow = 24 * time.Hour
	maxCount  = 1000
	maxTTL    = 365 * 24 * time.Hour
	maxReason = 200 // characters
	maxKeys   = 2
	quiet     = time.Minute
)

// Rule decides on Count events of one key within Window.
type Rule struct {
	ID     string        `yaml:"id"`
	Event  string        `yaml:"event"`
	From   string        `yaml:"from"` // the service that may report it (R4.1)
	Key    Keys          `yaml:"key"`
	Count  int           `yaml:"count"`
	Window time.Duration `yaml:"window"` // may be left out where Count is 1
	Action string        `yaml:"action"`
	TTL    time.Duration `yaml:"ttl"`
	Quiet  time.Duration `yaml:"quiet"` // one key decides once in this time; 1m unless it is set
	Mode   string        `yaml:"mode"`
	Reason string        `yaml:"reason"`
}

// Keys are one key, or two that are joined.
type Keys []string

// UnmarshalYAML takes `address` and `[account, address]`.
func (k *Keys) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.SequenceNode {
		return node.Decode((*[]string)(k))
	}
	var one string
	err := node.Decode(&one)
	*k = Keys{one}
	return err
}

var ruleID = regexp.MustCompile(`^[a-z][a-z0-9_]{2,63}$`)

// Default are the rules that the product ships with.
func Default() ([]Rule, error) { return Parse(defaultRules) }

// Parse reads and checks a rules file; the error names every problem.
func Parse(text []byte) ([]Rule, error) {
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
	for i := range file.Rules {
		rule := &file.Rules[i]
		if rule.Quiet == 0 {
			rule.Quiet = quiet
		}
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

func (r *Rule) problems() []string {
	var found []string
	check := func(ok bool, problem string) {
		if !ok {
			found = append(found, problem)
		}
	}
	check(ruleID.MatchString(r.ID) && r.ID != "operator", "id: must be 3 to 64 of a-z, 0-9 and _, and not operator")
	check(record.Known(r.Event), "event: must be a known action")
	// A rule on the firewall's own events would feed itself.
	check(!strings.HasPrefix(r.Event, "firewall."), "event: must not be one of the firewall's own")
	check(r.From != "", "from: must name the service that reports the event")
	check(r.keysKnown(), "key: must be address, account, session or device, or a list of two different ones")
	check(r.Count >= 1 && r.Count <= maxCount, "count: must be from 1 to 1000")
	check(r.Window >= 0 && r.Window <= maxWindow && (r.Count <= 1 || r.Window >= time.Second), "window: must be from 1s to 24h")
	check(slices.Contains([]string{"allow", "challenge", "throttle", "refuse"}, r.Action), "action: must be allow, challenge, throttle or refuse")
	check(r.TTL >= time.Second && r.TTL <= maxTTL, "ttl: must be from 1s to 8760h")
	check(r.Quiet >= time.Second && r.Quiet <= maxWindow, "quiet: must be from 1s to 24h")
	check(r.Mode == Enforce || r.Mode == LogOnly, "mode: must be enforce or log")
	check(r.Reason != "" && utf8.RuneCountInString(r.Reason) <= maxReason, "reason: must be 1 to 200 characters")
	return found
}

func (r *Rule) keysKnown() bool {
	if len(r.Key) == 0 || len(r.Key) > maxKeys || len(r.Key) == maxKeys && r.Key[0] == r.Key[1] {
		return false
	}
	for _, key := range r.Key {
		if !slices.Contains([]string{KeyAddress, KeyAccount, KeySession, KeyDevice}, key) {
			return false
		}
	}
	return true
}
