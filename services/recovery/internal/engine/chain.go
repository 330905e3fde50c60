package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"
)

// Judgement is a decision with everything it was made from, linked to the one
// before it by hash. Facts and Decision are texts, because these bytes are hashed.
type Judgement struct {
	At       time.Time `json:"at"`
	Weighed  int       `json:"weighed"`  // how many evidences there were
	Facts    string    `json:"facts"`    // JSON of Facts
	Decision string    `json:"decision"` // JSON of Decision
	Prev     string    `json:"prev,omitempty"`
	Hash     string    `json:"hash"`
}

// Decided is the decision as it was made.
func (j Judgement) Decided() (d Decision, _ error) {
	return d, json.Unmarshal([]byte(j.Decision), &d)
}

// Again is what p decides on the same facts, at the same time (V18).
func (j Judgement) Again(p Policy) (Decision, error) {
	var f Facts
	if err := json.Unmarshal([]byte(j.Facts), &f); err != nil {
		return Decision{}, err
	}
	return Decide(p, f, j.At), nil
}

// Chain is the judgements of one recovery, oldest first.
type Chain []Judgement

// Add appends a decision and returns its judgement. One that says the same as
// the last, with no more evidence, isn't written again: asking often must not
// grow a chain. It is nil then.
func (c *Chain) Add(facts Facts, d Decision, at time.Time) (*Judgement, error) {
	decision, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	made, err := json.Marshal(facts)
	if err != nil {
		return nil, err
	}
	j := Judgement{At: at, Weighed: len(facts.Evidence), Facts: string(made), Decision: string(decision)}
	last := c.last()
	if last.Decision == j.Decision && last.Weighed >= j.Weighed {
		return nil, nil
	}
	j.Prev = last.Hash
	j.Hash = j.sum()
	*c = append(*c, j)
	return &j, nil
}

// last is the newest judgement, a zero one without any.
func (c Chain) last() (j Judgement) {
	if len(c) > 0 {
		j = c[len(c)-1]
	}
	return j
}

// Weighed is how many evidences the last decision had; 0 without one.
func (c Chain) Weighed() int { return c.last().Weighed }

// Head is the hash of the last judgement, which stands for all; empty without one.
func (c Chain) Head() string { return c.last().Hash }

// Last is the newest decision; ok false: there is none.
func (c Chain) Last() (d Decision, ok bool, err error) {
	if len(c) == 0 {
		return d, false, nil
	}
	d, err = c.last().Decided()
	return d, true, err
}

// Whole reports whether no judgement was changed or left out, but for the last ones.
func (c Chain) Whole() bool {
	prev := ""
	for _, j := range c {
		if j.Prev != prev || j.Hash != j.sum() {
			return false
		}
		prev = j.Hash
	}
	return true
}

// sum is the link of the chain: over the one before, and all of this one.
func (j Judgement) sum() string {
	h := sha256.New()
	for _, part := range []string{j.Prev, j.At.Format(time.RFC3339Nano), strconv.Itoa(j.Weighed), j.Facts, j.Decision} {
		// Each part is JSON, hex, a number or a time: a line end is in none of them.
		h.Write([]byte(part + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}
