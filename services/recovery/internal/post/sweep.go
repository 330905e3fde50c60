package post

import (
	"context"
	"time"

	"centinela/services/recovery/internal/due"
)

// keepFinished is how long finished and simulated texts are kept: as long as
// news of their delivery may come.
const keepFinished = 7 * 24 * time.Hour

// Prune forgets what was finished a week ago, in pieces.
func Prune(ctx context.Context, texts Store, inbox Inbox, now time.Time) error {
	return due.InPieces(ctx, now.Add(-keepFinished), texts.PruneTexts, inbox.PruneInbox)
}
