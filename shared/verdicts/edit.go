package verdicts

import (
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// persistUpTo is the number of changes up to which the prefix table is changed by copying paths, so that readers keep
// theirs; above it one deep copy of the table is cheaper.
const persistUpTo = 1024

// edit builds the next state. The lists in tables and maps are never changed in place: readers may hold them.
type edit struct {
	set  *Set
	next state
	own  bool // the tables are ours alone and may be changed in place
}

func (s *Set) edit(fresh bool, changes int) *edit {
	if fresh {
		s.byID = make(map[string]*Verdict, changes)
		return &edit{set: s, own: true, next: state{allowed: &bart.Table[listed]{}, refused: &bart.Table[listed]{}}}
	}
	old := s.now.Load()
	e := &edit{set: s, next: state{allowed: old.allowed, refused: old.refused, subjects: old.subjects.fork()}}
	if changes > persistUpTo {
		e.next.allowed, e.next.refused, e.own = old.allowed.Clone(), old.refused.Clone(), true
	}
	return e
}

func (e *edit) done() *state {
	e.next.subjects.settle()
	return &e.next
}

func (e *edit) add(v Verdict) error {
	prefix, subject, err := v.place()
	if err != nil {
		return err
	}
	e.remove(v.ID)
	e.set.byID[v.ID] = &v
	if !prefix.IsValid() {
		e.next.subjects.put(subject, append(slices.Clip(e.next.subjects.get(subject)), &v))
		return nil
	}
	if table := e.table(&v); table != nil {
		at, _ := (*table).Get(prefix)
		e.put(table, prefix, append(slices.Clip(at.list), &v))
	}
	return nil
}

func (e *edit) remove(id string) {
	v, ok := e.set.byID[id]
	if !ok {
		return
	}
	delete(e.set.byID, id)
	prefix, subject, err := v.place()
	if err != nil {
		return // can't be: what has no place was never taken in
	}
	if !prefix.IsValid() {
		e.next.subjects.put(subject, without(e.next.subjects.get(subject), v))
		return
	}
	if table := e.table(v); table != nil {
		at, _ := (*table).Get(prefix)
		e.put(table, prefix, without(at.list, v))
	}
}

// table is where a prefix verdict is looked for; nil for an action that does nothing here.
func (e *edit) table(v *Verdict) **bart.Table[listed] {
	switch v.Action {
	case Allow:
		return &e.next.allowed
	case Refuse:
		return &e.next.refused
	default:
		return nil
	}
}

func (e *edit) put(table **bart.Table[listed], prefix netip.Prefix, list []*Verdict) {
	value := listed{bits: prefix.Bits(), list: list}
	switch {
	case e.own && len(list) == 0:
		(*table).Delete(prefix)
	case e.own:
		(*table).Insert(prefix, value)
	case len(list) == 0:
		*table = (*table).DeletePersist(prefix)
	default:
		*table = (*table).InsertPersist(prefix, value)
	}
}

func without(list []*Verdict, v *Verdict) []*Verdict {
	rest := make([]*Verdict, 0, len(list))
	for _, other := range list {
		if other != v {
			rest = append(rest, other)
		}
	}
	return rest
}
