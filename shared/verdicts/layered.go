package verdicts

import "maps"

// settleAt is how many changes the recent layer holds before it is merged into the base. Copying the base for each
// change would take 100 ms with a million verdicts, and a change has 250 ms to be in force.
const settleAt = 1024

// layered is a map in two layers that are never changed once published: a large base, and a small layer of recent
// changes that covers it (an empty list there means "gone").
type layered struct {
	base, recent map[who][]*rule
}

func (l *layered) get(k who) []*rule {
	if k.value == "" {
		return nil
	}
	if len(l.recent) > 0 {
		if list, ok := l.recent[k]; ok {
			return list
		}
	}
	return l.base[k]
}

// fork returns a copy that may be changed by put until it is published.
func (l *layered) fork() layered {
	return layered{base: l.base, recent: maps.Clone(l.recent)}
}

func (l *layered) put(k who, list []*rule) {
	if l.recent == nil {
		l.recent = map[who][]*rule{}
	}
	l.recent[k] = list
}

// settle merges the layers when the recent one has grown.
func (l *layered) settle() {
	if len(l.recent) < settleAt {
		return
	}
	base := make(map[who][]*rule, len(l.base)+len(l.recent))
	maps.Copy(base, l.base)
	for k, list := range l.recent {
		if len(list) == 0 {
			delete(base, k)
		} else {
			base[k] = list
		}
	}
	l.base, l.recent = base, nil
}
