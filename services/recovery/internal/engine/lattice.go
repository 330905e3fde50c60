package engine

import (
	"fmt"
	"slices"
	"strings"
)

// dimension is one fact that rows ask for: its values in words, from the worst for
// a claimant to the best.
type dimension struct {
	name   string
	values []string
}

// The dimensions, which span every situation that a policy decides.
const (
	lead   = iota // the number that is presented
	own           // how alive it is
	older         // how alive the most alive of the older numbers is that are silent
	beside        // evidences through other channels, as many as count
	device
	place
	calm // no security change lately
	told // somebody else hears of the recovery
)

// The values of lead, beside and told that the code speaks of.
const (
	leadNone, leadYounger, leadOldest = 0, 1, 2
	atMostBeside                      = 2
	toldNobody, toldSomebody          = 0, 1
)

var (
	threeValued = []string{"unknown", "no", "yes"}
	dimensions  = [...]dimension{
		lead:   {"lead", []string{"none", "younger", "oldest"}},
		own:    {"own", []string{"stale", "dormant", "live"}},
		older:  {"older", []string{"live", "dormant", "stale"}},
		beside: {"beside", []string{"0", "1", "2"}},
		device: {"device", threeValued},
		place:  {"place", threeValued},
		calm:   {"calm", threeValued},
		told:   {"told", []string{"no", "yes"}},
	}
)

// point is one situation: an index into the values of each dimension.
type point [len(dimensions)]uint8

// valueOf is a fact of three values as a dimension has it.
func valueOf(k Known) uint8 {
	switch k {
	case Yes:
		return 2
	case No:
		return 1
	default:
		return 0
	}
}

// with is the point with another value.
func (pt point) with(d int, v uint8) point {
	pt[d] = v
	return pt
}

// exists reports whether facts can come to that point: without a number it isn't
// alive, only a younger one has older ones, which then hear of it.
func (pt point) exists() bool {
	switch pt[lead] {
	case leadOldest:
		return pt[older] == 2
	case leadYounger:
		return pt[told] == toldSomebody
	default:
		return pt[own] == 0 && pt[older] == 0 && pt[beside] > 0
	}
}

// evidences is how many independent ones there are.
func (pt point) evidences() int {
	n := int(pt[beside])
	if pt[lead] != leadNone {
		n++
	}
	return n
}

// String is the point in the words of a policy file.
func (pt point) String() string {
	words := make([]string, 0, len(pt))
	for d, v := range pt {
		if pt[lead] == leadOldest && d == older || pt[lead] == leadNone && (d == own || d == older) {
			continue
		}
		words = append(words, dimensions[d].name+" "+dimensions[d].values[v])
	}
	return strings.Join(words, ", ")
}

// everyPoint visits the whole lattice.
func everyPoint(visit func(point)) {
	var walk func(pt point, d int)
	walk = func(pt point, d int) {
		if d == len(pt) {
			if pt.exists() {
				visit(pt)
			}
			return
		}
		for v := range dimensions[d].values {
			walk(pt.with(d, uint8(v)), d+1)
		}
	}
	walk(point{}, 0)
}

// Situations is how many points there are.
func Situations() (n int) {
	everyPoint(func(point) { n++ })
	return n
}

// When says to which points a row applies: a word or a list of words for each
// dimension that matters.
type When map[string]Words

// Words is one word or a list of them.
type Words []string

// UnmarshalYAML takes both.
func (w *Words) UnmarshalYAML(read func(any) error) error {
	var one string
	if read(&one) == nil {
		*w = Words{one}
		return nil
	}
	return read((*[]string)(w))
}

// mask is a When as the engine asks it: a bit a value.
type mask [len(dimensions)]uint8

func (m *mask) fits(pt point) bool {
	for d, v := range pt {
		if m[d]>>v&1 == 0 {
			return false
		}
	}
	return true
}

// mask is made once, when the policy is read. The words are put into the lattice's
// order, so that two spellings of the same are the same policy.
func (w When) mask() (m mask, _ error) {
	for name := range w {
		if !slices.ContainsFunc(dimensions[:], func(d dimension) bool { return d.name == name }) {
			return m, fmt.Errorf("%.32q is no fact", name)
		}
	}
	for i, d := range dimensions {
		words, asked := w[d.name]
		if !asked {
			m[i] = 1<<len(d.values) - 1
			continue
		}
		var sorted Words
		for v, value := range d.values {
			if slices.Contains(words, value) {
				m[i] |= 1 << v
				sorted = append(sorted, value)
			}
		}
		if len(sorted) != len(words) || len(words) == 0 {
			return m, fmt.Errorf("%s: must be of %s, each once", d.name, strings.Join(d.values, ", "))
		}
		w[d.name] = sorted
	}
	return m, nil
}
