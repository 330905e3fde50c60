package engine

import (
	"fmt"
	"time"
)

// What no file can lower (design: recovery, "The engine").
const (
	leastQuarantine = 24 * time.Hour
	leastRetire     = 7 * 24 * time.Hour
	leastAlone      = Answer(24 * time.Hour)      // with one evidence
	leastUnheard    = Answer(14 * 24 * time.Hour) // with one evidence, and nobody to tell
	longest         = Answer(365 * 24 * time.Hour)
)

// better says, for each dimension but told, why its next value must not lengthen
// the answer. Whether somebody hears of a recovery isn't ordered: where nobody
// does, the account has no other number either, which may have been the better way.
var better = [len(dimensions)]string{
	lead:   "a younger number must never do better than the oldest (R6.1)",
	own:    "a silent number must never do better than a livelier one (V9)",
	older:  "the silence of a livelier senior must never shorten the wait (V6)",
	beside: "more evidence must never be later",
	device: "an unknown or new device must never do better than a known one (V14, V20)",
	place:  "an unknown or new place must never do better than a familiar one (V14, V20)",
	calm:   "a change, or not knowing of one, must never do better than none (V20)",
}

// next is the point that is better for the claimant by one step of d.
func (pt point) next(d int) (point, bool) {
	if better[d] == "" || int(pt[d]) == len(dimensions[d].values)-1 {
		return pt, false
	}
	up := pt.with(d, pt[d]+1)
	if d == lead {
		if pt[lead] == leadNone { // not comparable: either way may be taken
			return pt, false
		}
		up = up.with(older, 2)
	}
	return up, up.exists()
}

// prove walks the whole lattice, and says once for each pair of rows and reason
// where more would be worse, or less than a floor.
func (p Policy) prove(wrong func(format string, args ...any)) {
	said := map[string]bool{}
	once := func(key, format string, args ...any) {
		if !said[key] {
			said[key] = true
			wrong(format, args...)
		}
	}
	reached := map[Row]bool{}
	everyPoint(func(pt point) {
		answer, row := p.at(pt)
		reached[row] = true
		floor, why := floorOf(pt)
		if answer < floor {
			once(string(row)+why, "rows.%s: must be at least %s: %s (%s)", row, floor, why, pt)
		}
		for d := range pt {
			up, comparable := pt.next(d)
			if !comparable {
				continue
			}
			if then, by := p.at(up); then > answer {
				once(fmt.Sprint(row, by, d), "rows.%s: must not be later than %s: %s (%s)", by, row, better[d], pt)
			}
		}
	})
	for _, r := range p.Rows {
		if !reached[r.Name] {
			wrong("rows.%s: is never reached: rows above it take all that it fits", r.Name)
		}
	}
}

// floorOf is the least answer at a point, and why.
func floorOf(pt point) (Answer, string) {
	switch {
	case pt.evidences() > 1:
		return 0, ""
	case pt[lead] == leadYounger && pt[older] != 2:
		return Never, "a younger number alone never, while an older one lives"
	case pt[told] == toldNobody:
		return leastUnheard, "one evidence of which nobody else hears"
	default:
		return leastAlone, "one evidence alone never is enough at once (V2)"
	}
}
