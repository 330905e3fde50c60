package outbox

import (
	"context"
	"sync"

	"centinela/shared/id"
	"centinela/shared/record"
)

// Memory is a Log of a part that has no store. What isn't shipped is lost with the
// process: it is for digests, of which a gap says how many are missing.
type Memory struct {
	service string
	limit   int

	mu       sync.Mutex
	instance string
	shipped  record.Head
	entries  []Entry
}

var _ Log = (*Memory)(nil)

// NewMemory is an empty log of service that holds at most limit events.
func NewMemory(service string, limit int) *Memory {
	return &Memory{service: service, limit: limit, instance: NewInstance()}
}

// NewInstance is a name that no other log has: 12 characters of chance.
func NewInstance() string { return id.New("x")[2:14] }

// Append takes an event, or reports that the log is full. The error is Seal's.
func (m *Memory) Append(e record.Event) (taken bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) >= m.limit {
		return false, nil
	}
	n := m.shipped.N + int64(len(m.entries)) + 1
	sealed, err := e.Seal(m.service+"/"+m.instance, n)
	if err != nil {
		return false, err
	}
	m.entries = append(m.entries, Entry{N: n, Sealed: sealed})
	return true, nil
}

// Shipped is Log's.
func (m *Memory) Shipped(context.Context) (string, record.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.instance, m.shipped, nil
}

// After is Log's.
func (m *Memory) After(_ context.Context, n int64, limit int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := max(0, min(int(n-m.shipped.N), len(m.entries)))
	return append([]Entry(nil), m.entries[from:min(from+limit, len(m.entries))]...), nil
}

// Trim is Log's.
func (m *Memory) Trim(_ context.Context, head record.Head) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := int(head.N - m.shipped.N); n > 0 && n <= len(m.entries) {
		m.entries = append([]Entry(nil), m.entries[n:]...)
		m.shipped = head
	}
	return nil
}

// Supersede is Log's; the event that had the number is gone.
func (m *Memory) Supersede(_ context.Context, n int64, with record.Sealed, _ string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := int(n - m.shipped.N - 1); i >= 0 && i < len(m.entries) {
		m.entries[i].Sealed = with
	}
	return nil
}

// Renew is Log's.
func (m *Memory) Renew(_ context.Context, notice record.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	instance := NewInstance()
	sealed, _, err := Reseal(m.service+"/"+instance, notice, m.entries)
	if err != nil {
		return err
	}
	m.instance, m.shipped, m.entries = instance, record.Head{}, nil
	for i, s := range sealed {
		m.entries = append(m.entries, Entry{N: int64(i) + 1, Sealed: s})
	}
	return nil
}
