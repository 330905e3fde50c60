package ledger

import "sync"

// maxFresh bounds the entries that wait in memory for the follower; what doesn't
// fit is read back from the store.
const maxFresh = 10_000

// fresh holds the newest entries, without a gap.
type fresh struct {
	mu      sync.Mutex
	entries []Entry
}

func (f *fresh) put(entries []Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.entries); n > 0 && (n+len(entries) > maxFresh || f.entries[n-1].Seq+1 != entries[0].Seq) {
		f.entries = nil
	}
	f.entries = append(f.entries, entries...)
}

// take returns the entries from one on, at most a batch, and forgets those and the
// ones before.
func (f *fresh) take(from int64) []Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.entries) == 0 || from < f.entries[0].Seq {
		return nil
	}
	skip := int(min(from-f.entries[0].Seq, int64(len(f.entries))))
	end := min(skip+followBatch, len(f.entries))
	taken := f.entries[skip:end:end]
	f.entries = f.entries[end:]
	return taken
}
