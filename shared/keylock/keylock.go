package keylock

import "sync"

// Locks is the mutexes of all keys. Safe for concurrent use.
type Locks struct {
	mu sync.Mutex
	by map[string]*counted
}

type counted struct {
	sync.Mutex
	users int
}

// New returns Locks that hold none.
func New() *Locks { return &Locks{by: map[string]*counted{}} }

// Lock waits for the key's mutex and returns what unlocks it.
func (l *Locks) Lock(key string) (unlock func()) {
	l.mu.Lock()
	c := l.by[key]
	if c == nil {
		c = &counted{}
		l.by[key] = c
	}
	c.users++
	l.mu.Unlock()
	c.Lock()
	return func() {
		c.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if c.users--; c.users == 0 {
			delete(l.by, key)
		}
	}
}
