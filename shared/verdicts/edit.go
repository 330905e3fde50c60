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
		s.byID = make(map[string]*rule, changes)
		return &edit{set: s, own: true, next: state{allowed: &bart.Table[listed]{}, acting: &bart.Table[listed]{}}}
	}
	old := s.now.Load()
	e := &edit{set: s, next: state{allowed: old.allowed, acting: old.acting, identities: old.identities.fork()}}
	if changes > persistUpTo {
		e.next.allowed, e.next.acting, e.own = old.allowed.Clone(), old.acting.Clone(), true
	}
	return e
}

func (e *edit) done() *state {
	e.next.identities.settle()
	return &e.next
}

func (e *edit) add(v Verdict) error {
	r, err := compile(&v)
	if err != nil {
		return err
	}
	e.remove(v.ID)
	e.set.byID[v.ID] = &r
	e.change(&r, func(list []*rule) []*rule { return append(slices.Clip(list), &r) })
	return nil
}

func (e *edit) remove(id string) {
	r, ok := e.set.byID[id]
	if !ok {
		return
	}
	delete(e.set.byID, id)
	e.change(r, func(list []*rule) []*rule {
		return slices.DeleteFunc(slices.Clone(list), func(other *rule) bool { return other == r })
	})
}

// change gives the list in which the verdict is looked for another content. A verdict on an address alone whose action
// does nothing here is in none.
func (e *edit) change(r *rule, update func([]*rule) []*rule) {
	switch {
	case r.by != who{}:
		e.next.identities.put(r.by, update(e.next.identities.get(r.by)))
	case r.Action == Allow:
		e.put(&e.next.allowed, r.prefix, update)
	case strength(r.Action) > 0:
		e.put(&e.next.acting, r.prefix, update)
	}
}

func (e *edit) put(table **bart.Table[listed], prefix netip.Prefix, update func([]*rule) []*rule) {
	at, _ := (*table).Get(prefix)
	value := listed{bits: prefix.Bits(), list: update(at.list)}
	switch {
	case e.own && len(value.list) == 0:
		(*table).Delete(prefix)
	case e.own:
		(*table).Insert(prefix, value)
	case len(value.list) == 0:
		*table = (*table).DeletePersist(prefix)
	default:
		*table = (*table).InsertPersist(prefix, value)
	}
}
