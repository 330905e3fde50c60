package rules

import (
	"container/list"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
)

// maxCounted bounds what an attacker with many addresses can make a rule remember;
// the key that was quiet for longest goes first.
const maxCounted = 100_000

// Subject is whom a decision is about, in the words of verdicts: ip, prefix,
// account, session or device.
type Subject struct{ Kind, Value string }

// Decision is what a rule makes of an event.
type Decision struct {
	// ID is that of the verdict which follows, if there is none yet: derived from the
	// rule and the event, so that a replay makes no second one.
	ID       string
	Rule     string
	Mode     string
	Trigger  string // id of the event that brought it about
	Account  string // whose act that was, where the person should see the decision
	Subjects []Subject
	Action   string
	Reason   string
	At       time.Time // the event's
	Until    time.Time // in event time
}

// Engine applies rules to events, in event time. What it decides on an event
// depends only on the events of its rules' windows before it, so that the same
// events always give the same decisions, with the same ids. It is not safe for
// concurrent use.
type Engine struct {
	rules    []Rule
	counters []counter
}

// NewEngine makes an Engine of checked rules.
func NewEngine(rules []Rule) *Engine {
	e := &Engine{rules: rules, counters: make([]counter, len(rules))}
	for i := range e.counters {
		e.counters[i] = counter{keys: make(map[string]*list.Element), recent: list.New(), limit: maxCounted}
	}
	return e
}

// Window is how much of the past an Engine must be fed to go on where another
// stopped: the longest window, and what comes before it to know who is quiet.
func (e *Engine) Window() time.Duration {
	var longest time.Duration
	for _, rule := range e.rules {
		longest = max(longest, rule.Window+rule.Quiet)
	}
	return longest
}

// Rules is how many there are.
func (e *Engine) Rules() int { return len(e.rules) }

// apply gives the event to one rule.
func (e *Engine) apply(i int, event record.Event) (Decision, bool) {
	rule := &e.rules[i]
	if event.Action != rule.Event || event.Service != rule.From {
		return Decision{}, false
	}
	subjects, ok := subjectsOf(rule.Key, event)
	if !ok || !e.counters[i].add(keyOf(subjects), event.Time, rule) {
		return Decision{}, false
	}
	return Decision{
		ID: derivedID(rule.ID, event.ID), Rule: rule.ID, Mode: rule.Mode, Trigger: event.ID, Account: event.Account,
		Subjects: subjects, Action: rule.Action, Reason: rule.Reason, At: event.Time, Until: event.Time.Add(rule.TTL),
	}, true
}

func subjectsOf(keys Keys, event record.Event) ([]Subject, bool) {
	subjects := make([]Subject, 0, maxKeys)
	for _, key := range keys {
		s, ok := subjectOf(key, event)
		if !ok {
			return nil, false
		}
		subjects = append(subjects, s)
	}
	return subjects, true
}

func keyOf(subjects []Subject) string {
	if len(subjects) == 1 {
		return subjects[0].Value
	}
	var b strings.Builder
	for _, s := range subjects {
		b.WriteString(s.Kind + " " + s.Value + "\n")
	}
	return b.String()
}

// device hashes are hex.
var deviceForm = regexp.MustCompile(`^[0-9a-f]{16,64}$`)

// subjectOf finds what a rule counts in an event.
func subjectOf(key string, event record.Event) (Subject, bool) {
	switch key {
	case KeyAddress:
		return addressOf(event.Address)
	case KeyAccount:
		return Subject{"account", event.Account}, id.Valid("acc", event.Account)
	case KeyDevice:
		return Subject{"device", event.Device}, deviceForm.MatchString(event.Device)
	case KeySession:
		// Who ends another of his sessions acts in one and is about the other.
		if id.Valid("ses", event.Target) {
			return Subject{"session", event.Target}, true
		}
		return Subject{"session", event.Session}, id.Valid("ses", event.Session)
	}
	return Subject{}, false
}

func addressOf(address string) (Subject, bool) {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return Subject{}, false
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return Subject{"ip", addr.String()}, true
	}
	prefix, err := addr.Prefix(64)
	return Subject{"prefix", prefix.String()}, err == nil
}

// derivedID is the same for the same rule and event.
func derivedID(rule, event string) string {
	sum := sha256.Sum256([]byte("verdict\x00" + rule + "\x00" + event))
	// The alphabet and length of shared/id: 15 bytes are 24 characters.
	return "vrd_" + base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").EncodeToString(sum[:15])
}

// counter holds the newest times of each key of one rule.
type counter struct {
	keys   map[string]*list.Element
	recent *list.List // of *times, the key fed last in front
	limit  int
}

type times struct {
	key     string
	newest  []time.Time // ascending, at most the rule's count
	decided time.Time   // the last time
}

// add notes an event and reports whether it is one of the rule's count of its key
// within its window, and the rule didn't decide on this key just before. Services
// ship their events side by side, so that they come a little out of order: a late
// one is put in its place, and may be the one that fills it.
func (c *counter) add(key string, at time.Time, rule *Rule) bool {
	t := c.of(key)
	i, _ := slices.BinarySearchFunc(t.newest, at, time.Time.Compare)
	t.newest = slices.Insert(t.newest, i, at)
	if len(t.newest) > rule.Count {
		t.newest = slices.Delete(t.newest, 0, 1)
	}
	first, last := t.newest[0], t.newest[len(t.newest)-1]
	over := len(t.newest) == rule.Count && !at.Before(first) && (rule.Count == 1 || first.After(last.Add(-rule.Window)))
	if !over || !t.decided.IsZero() && at.Before(t.decided.Add(rule.Quiet)) {
		return false
	}
	t.decided = at
	return true
}

// of finds a key's times, and forgets the key that was quiet for longest when there
// are too many.
func (c *counter) of(key string) *times {
	if element, ok := c.keys[key]; ok {
		c.recent.MoveToFront(element)
		return element.Value.(*times)
	}
	t := &times{key: key}
	c.keys[key] = c.recent.PushFront(t)
	if c.recent.Len() > c.limit {
		oldest := c.recent.Remove(c.recent.Back()).(*times)
		delete(c.keys, oldest.key)
	}
	return t
}
