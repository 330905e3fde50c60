package relay

import "sync"

// locks is a mutex for each name that is in use, and nothing for those that aren't.
type locks struct {
	mu sync.Mutex
	by map[string]*counted
}

type counted struct {
	sync.Mutex
	users int
}

func newLocks() *locks { return &locks{by: map[string]*counted{}} }

// lock waits for the name's mutex and returns what unlocks it.
func (l *locks) lock(name string) (unlock func()) {
	l.mu.Lock()
	c := l.by[name]
	if c == nil {
		c = &counted{}
		l.by[name] = c
	}
	c.users++
	l.mu.Unlock()
	c.Lock()
	return func() {
		c.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.users--; c.users == 0 {
			delete(l.by, name)
		}
	}
}
