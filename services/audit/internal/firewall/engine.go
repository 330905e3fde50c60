package firewall

import (
	"container/list"
	"crypto/sha256"
	"encoding/base32"
	"net/netip"
	"slices"
	"time"

	"centinela/shared/id"
	"centinela/shared/record"
)

// maxKeys bounds what an attacker with many addresses can make a rule remember;
// the key that was quiet for longest goes first.
const maxKeys = 100_000

// Decision is what a rule makes of an event.
type Decision struct {
	Rule    string
	Mode    string
	Trigger string  // id of the event that brought it about
	Account string  // whose act that was, where the person should see the decision
	Verdict Verdict // without a Version
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
		e.counters[i] = counter{keys: make(map[string]*list.Element), recent: list.New(), limit: maxKeys}
	}
	return e
}

// Window is the longest window of the rules: what of the past an Engine must be
// fed to go on where another stopped.
func (e *Engine) Window() time.Duration {
	var longest time.Duration
	for _, rule := range e.rules {
		longest = max(longest, rule.Window)
	}
	return longest
}

// Rules is how many there are.
func (e *Engine) Rules() int { return len(e.rules) }

// apply gives the event to one rule.
func (e *Engine) apply(i int, event record.Event) (Decision, bool) {
	rule := e.rules[i]
	if event.Action != rule.Event || event.Service != rule.From {
		return Decision{}, false
	}
	kind, subject, ok := subjectOf(rule.Key, event)
	if !ok || !e.counters[i].add(subject, event.Time, rule.Count, rule.Window) {
		return Decision{}, false
	}
	d := Decision{
		Rule: rule.ID, Mode: rule.Mode, Trigger: event.ID, Account: event.Account,
		Verdict: Verdict{
			ID: derivedID(rule.ID, event.ID), Kind: kind, Subject: subject, Action: rule.Action, Reason: rule.Reason,
			Source: rule.ID, CreatedAt: event.Time, Until: rule.end(event),
		},
	}
	if kind == Session {
		d.Account = "" // the session's end is in the person's activity already
	}
	return d, true
}

// end is in event time. A field that can't be read, or lies, gives the TTL.
func (r Rule) end(event record.Event) time.Time {
	if r.Until != "" {
		text, _ := event.Data[r.Until].(string)
		until, err := time.Parse(time.RFC3339, text)
		if err == nil && until.After(event.Time) && !until.After(event.Time.Add(maxTTL)) {
			return until.UTC().Truncate(time.Millisecond)
		}
	}
	return event.Time.Add(r.TTL)
}

// subjectOf finds what a rule counts in an event. A person owns a whole IPv6
// /64, so it is that which is counted and refused.
func subjectOf(key string, event record.Event) (kind, subject string, ok bool) {
	switch key {
	case keyAddress:
		addr, err := netip.ParseAddr(event.Address)
		if err != nil {
			return "", "", false
		}
		addr = addr.Unmap().WithZone("")
		if addr.Is4() {
			return IP, addr.String(), true
		}
		prefix, err := addr.Prefix(64)
		return Prefix, prefix.String(), err == nil
	case Account:
		return Account, event.Account, id.Valid("acc", event.Account)
	case Device:
		return Device, event.Device, deviceForm.MatchString(event.Device)
	case Session:
		// Who ends another of his sessions acts in one and is about the other.
		if id.Valid("ses", event.Target) {
			return Session, event.Target, true
		}
		return Session, event.Session, id.Valid("ses", event.Session)
	}
	return "", "", false
}

// derivedID is the same for the same rule and event, so that a replay after a
// crash makes no second verdict.
func derivedID(rule, event string) string {
	sum := sha256.Sum256([]byte("verdict\x00" + rule + "\x00" + event))
	// The alphabet and length of shared/id: 15 bytes are 24 characters.
	return verdictPrefix + "_" + base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").EncodeToString(sum[:15])
}

// counter holds the newest times of each key of one rule.
type counter struct {
	keys   map[string]*list.Element
	recent *list.List // of *times, the key fed last in front
	limit  int
}

type times struct {
	key    string
	newest []time.Time // ascending, at most the rule's count
}

// add notes an event and reports whether it is one of count of its key within a
// window. Services ship their events side by side, so that they come a little
// out of order: a late one is put in its place, and may be the one that fills it.
func (c *counter) add(key string, at time.Time, count int, window time.Duration) bool {
	if count <= 1 {
		return true
	}
	element, ok := c.keys[key]
	if ok {
		c.recent.MoveToFront(element)
	} else {
		element = c.recent.PushFront(&times{key: key})
		c.keys[key] = element
		if c.recent.Len() > c.limit {
			oldest := c.recent.Remove(c.recent.Back()).(*times)
			delete(c.keys, oldest.key)
		}
	}
	t := element.Value.(*times)
	i, _ := slices.BinarySearchFunc(t.newest, at, time.Time.Compare)
	t.newest = slices.Insert(t.newest, i, at)
	if len(t.newest) > count {
		t.newest = slices.Delete(t.newest, 0, 1)
	}
	first, last := t.newest[0], t.newest[len(t.newest)-1]
	return len(t.newest) == count && !at.Before(first) && first.After(last.Add(-window))
}
