package room

import "context"

// SettleAll returns when all that was sent is settled.
func (c *Chat) SettleAll(ctx context.Context) error { return c.settleAll(ctx) }

// Repair is a turn of Run's.
func (c *Chat) Repair(ctx context.Context) { c.repair(ctx) }

// Missed is what a bus says that may have lost wake-ups.
func (c *Chat) Missed() { c.fallAllBehind() }

// Limit sets how many rooms are open at most.
func (c *Chat) Limit(rooms int) { c.most = rooms }

// Kept is how many rooms, roster entries, connected accounts and rooms behind are held.
func (c *Chat) Kept() [4]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return [4]int{len(c.rooms), c.members, len(c.crowd.sockets), len(c.behind)}
}
