package digest

import (
	"context"
	"time"
)

// Tell is a turn of Run's: the digests that are due, or all.
func (t *Teller) Tell(ctx context.Context, all bool) error { return t.tell(ctx, all) }

// Adopt is a turn of Run's: stored digests of which the book knows nothing.
func (t *Teller) Adopt(ctx context.Context, owner string, before time.Time) error {
	return t.adopt(ctx, owner, before)
}
