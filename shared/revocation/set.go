package revocation

import (
	"sync"
	"time"
)

// Kind is what is over.
type Kind string

// The kinds, as they stand on the wire.
const (
	Session Kind = "session"
	Account Kind = "account" // all its sessions
)

// Change says that no access token of a session or an account counts any more.
type Change struct {
	Kind  Kind      `json:"kind"`
	ID    string    `json:"id"`
	Until time.Time `json:"until"` // by then all of them have ended
}

type subject struct {
	kind Kind
	id   string
}

// Set is what is over. The zero Set is empty. Safe for concurrent use; [Set.Holds] takes no lock.
type Set struct {
	until sync.Map // subject → time.Time
}

// Add takes changes in and returns those that are news. One that was known keeps the later of both ends.
func (s *Set) Add(changes ...Change) (news []Change) {
	for _, c := range changes {
		key := subject{c.Kind, c.ID}
		known, loaded := s.until.LoadOrStore(key, c.Until)
		for loaded {
			end, _ := known.(time.Time) // nothing else is stored
			if !c.Until.After(end) || s.until.CompareAndSwap(key, end, c.Until) {
				break
			}
			known, loaded = s.until.LoadOrStore(key, c.Until)
		}
		if !loaded {
			news = append(news, c)
		}
	}
	return news
}

// Holds reports whether the session, or its account, is over. Empty ids are never.
func (s *Set) Holds(account, session string, now time.Time) bool {
	return s.holds(subject{Session, session}, now) || s.holds(subject{Account, account}, now)
}

func (s *Set) holds(key subject, now time.Time) bool {
	until, ok := s.until.Load(key)
	if !ok {
		return false
	}
	end, _ := until.(time.Time)
	return now.Before(end)
}

// Sweep forgets what has ended.
func (s *Set) Sweep(now time.Time) {
	s.until.Range(func(key, until any) bool {
		if end, _ := until.(time.Time); !now.Before(end) {
			s.until.CompareAndDelete(key, until)
		}
		return true
	})
}
