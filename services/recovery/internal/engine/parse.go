package engine

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed policy/default.yaml
var defaultYAML []byte

// maxPolicy bounds a policy file in bytes.
const maxPolicy = 64 << 10

// Default is the shipped policy: the table of the design page.
func Default() (Policy, error) { return Parse(defaultYAML) }

// Parse reads a policy in YAML: unknown keys, missing rows and contradictions
// are errors, all of them at once, joined.
func Parse(text []byte) (Policy, error) {
	if len(text) > maxPolicy {
		return Policy{}, fmt.Errorf("policy: longer than %d bytes", maxPolicy)
	}
	p := Policy{Waits: map[Row]Answer{}}
	for _, row := range Rows() {
		p.Waits[row] = unsaid
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policy{}, errors.New("policy: one document expected")
	}
	if err := p.validate(); err != nil {
		return Policy{}, err
	}
	// Maps are marshalled with sorted keys: this form is canonical.
	canonical, err := json.Marshal(p)
	if err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	sum := sha256.Sum256(canonical)
	p.hash = hex.EncodeToString(sum[:])
	return p, nil
}

func (p Policy) validate() error {
	var wrong []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Errorf("policy."+format, args...))
		}
	}
	check(p.Version == 1, "version: must be 1")
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
	check(n.QuarantineCautious >= n.Quarantine, "numbers.quarantine_cautious: must be at least numbers.quarantine")
	check(n.RetireOldest >= n.Retire, "numbers.retire_oldest: must be at least numbers.retire")
	check(n.Dormant >= n.Live, "numbers.dormant: must be at least numbers.live")
	check(p.Vetoes.PerNumber >= 1, "vetoes.per_number: must be at least 1")
	for _, row := range Rows() {
		answer, ok := p.Waits[row]
		check(ok && answer != unsaid, "waits.%s: is missing", row)
		check(answer == unsaid || answer == Never || answer >= 0 && answer <= Answer(365*24*time.Hour), "waits.%s: must be 0 to 8760h", row)
	}
	for row := range p.Waits {
		check(slices.Contains(Rows(), row), "waits.%.64s: no such row", row)
	}
	for _, row := range alone {
		check(p.Waits[row] > 0, "waits.%s: must be > 0 or refuse: one evidence alone never is enough at once (V2)", row)
	}
	for _, pair := range order {
		check(p.Waits[pair[0]] <= p.Waits[pair[1]], "waits.%s: must not be longer than %s", pair[0], pair[1])
	}
	return errors.Join(wrong...)
}

// alone are the rows of one evidence.
var alone = []Row{OldestLiveAlone, OldestDormantAlone, OldestStaleAlone, YoungerAloneOlderStale, YoungerAloneOlderDormant, YoungerAloneOlderLive}

// order holds what no policy may turn round: more evidence never lengthens a
// wait, the silence of a livelier senior never shortens it (V6), and a younger
// number never does better than the oldest, live one with as much beside it (R6.1).
var order = [][2]Row{
	{OldestLiveSecondCalm, OldestLiveSecondUnfamiliar},
	{OldestLiveSecondCalm, OldestLiveSecondChange},
	{OldestLiveSecondUnfamiliar, OldestLiveAlone},
	{OldestLiveSecondChange, OldestLiveAlone},
	{OldestLiveAlone, OldestDormantAlone},
	{OldestDormantAlone, OldestStaleAlone},
	{OldestLiveSecondCalm, OldestDormantSecond},
	{OldestDormantSecond, OldestStaleSecond},
	{OldestDormantSecond, OldestDormantAlone},
	{OldestStaleSecond, OldestStaleAlone},
	{YoungerSecondOlderStale, YoungerSecondOlderDormant},
	{YoungerSecondOlderDormant, YoungerSecondOlderLive},
	{YoungerAloneOlderStale, YoungerAloneOlderDormant},
	{YoungerAloneOlderDormant, YoungerAloneOlderLive},
	{YoungerSecondOlderStale, YoungerAloneOlderStale},
	{YoungerSecondOlderDormant, YoungerAloneOlderDormant},
	{YoungerSecondOlderLive, YoungerAloneOlderLive},
	{OldestLiveSecondCalm, YoungerSecondOlderStale},
	{OldestLiveAlone, YoungerAloneOlderStale},
}
