package engine

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed policy/default.yaml
var defaultYAML []byte

const (
	version   = 2
	maxPolicy = 64 << 10 // bytes of a file
	maxRows   = 100
)

// Default is the shipped policy: the table of the design page.
func Default() (Policy, error) { return Parse(defaultYAML) }

// Parse reads a policy in YAML. Unknown keys, contradictions, what is below a floor
// and what the walk of the whole lattice finds are errors, all of them at once,
// joined, each in a line that names its row or window.
func Parse(text []byte) (Policy, error) {
	if len(text) > maxPolicy {
		return Policy{}, fmt.Errorf("policy: longer than %d bytes", maxPolicy)
	}
	var p Policy
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&p); err != nil {
		return Policy{}, cmp.Or(otherVersion(text), fmt.Errorf("policy: %w", err))
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("policy: one document expected")
	}
	if err := p.validate(); err != nil {
		return Policy{}, err
	}
	// Maps are marshalled with sorted keys, and When is in order: this form is canonical.
	canonical, err := json.Marshal(p)
	if err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	sum := sha256.Sum256(canonical)
	p.text, p.hash = string(text), hex.EncodeToString(sum[:])
	return p, nil
}

var errVersion = fmt.Errorf("policy.version: must be %d, whose rows are a list: see centinela recovery policy print", version)

// otherVersion is the one error of a file in an older form.
func otherVersion(text []byte) error {
	var older struct {
		Version int `yaml:"version"`
	}
	if yaml.Unmarshal(text, &older) == nil && older.Version != 0 && older.Version != version {
		return errVersion
	}
	return nil
}

func (p *Policy) validate() error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("policy."+format, args...))
		}
	}
	if p.Version != version {
		wrong = append(wrong, errVersion)
	}
	n := p.Numbers
	check(n.MaxActive >= 1 && n.MaxActive <= 5, "numbers.max_active: must be 1 to 5")
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"numbers.pending_ttl", n.PendingTTL},
		{"numbers.quarantine", n.Quarantine},
		{"numbers.quarantine_cautious", n.QuarantineCautious},
		{"numbers.cautious_within", n.CautiousWithin},
		{"numbers.retire", n.Retire},
		{"numbers.retire_oldest", n.RetireOldest},
		{"numbers.gap_cap", n.GapCap},
		{"numbers.live", n.Live},
		{"numbers.dormant", n.Dormant},
		{"changes.recent", p.Changes.Recent},
		{"vetoes.window", p.Vetoes.Window},
	} {
		check(d.value > 0, "%s: must be > 0", d.name)
	}
	check(n.Quarantine >= leastQuarantine, "numbers.quarantine: must be at least %s", leastQuarantine)
	check(n.Retire >= leastRetire, "numbers.retire: must be at least %s", leastRetire)
	check(n.QuarantineCautious >= n.Quarantine, "numbers.quarantine_cautious: must be at least numbers.quarantine")
	check(n.RetireOldest >= n.Retire, "numbers.retire_oldest: must be at least numbers.retire")
	check(n.Dormant >= n.Live, "numbers.dormant: must be at least numbers.live")
	check(p.Vetoes.PerNumber >= 1, "vetoes.per_number: must be at least 1")
	p.validateRows(check)
	if len(wrong) == 0 { // of a table that can be read
		p.prove(func(format string, args ...any) { check(false, format, args...) })
	}
	return errors.Join(wrong...)
}

var rowName = regexp.MustCompile(`^W-[a-z0-9-]{1,60}$`)

func (p *Policy) validateRows(check func(ok bool, format string, args ...any)) {
	check(len(p.Rows) > 0 && len(p.Rows) <= maxRows, "rows: must be 1 to %d", maxRows)
	known := map[Row]bool{}
	for i := range p.Rows {
		r := &p.Rows[i]
		check(rowName.MatchString(string(r.Name)), "rows[%d].name: must be like W-oldest-live-alone", i)
		check(!known[r.Name], "rows.%.64s: there are two of them", r.Name)
		known[r.Name] = true
		var err error
		r.answer, err = parseAnswer(r.Then)
		check(err == nil, "rows.%.64s.then: %v", r.Name, err)
		r.Then = r.answer.String() // one spelling
		r.mask, err = r.When.mask()
		check(err == nil, "rows.%.64s.when: %v", r.Name, err)
	}
}
