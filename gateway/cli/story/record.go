package story

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"centinela/openapi/sdk"
)

// recorded is what ana's activity must show, each at least so often.
var recorded = map[string]int{
	"account.created":            1,
	"session.created":            8,
	"session.refused":            2,
	"session.refreshed":          1,
	"session.refresh_reused":     1,
	"session.revoked":            1,
	"phone.added":                2,
	"phone.verified":             4,
	"chat.connected":             1,
	"chat.conversation_created":  1,
	"recovery.started":           4,
	"recovery.code_sent":         4,
	"recovery.evidence_refused":  1,
	"recovery.evidence_accepted": 4,
	"recovery.decided":           3,
	"recovery.wait_announced":    2,
	"recovery.vetoed":            1,
	"recovery.completed":         2,
	"saved_code.used":            1,
	"password.reset":             2,
}

func (p *play) activity(ctx context.Context) error {
	return within(ctx, 10*time.Second, "all of the story in ana's activity", func() (string, error) {
		seen := map[string]int{}
		var newest int64
		for entry, err := range p.ana.session.Activity(ctx) {
			if err != nil {
				return "", err
			}
			if newest != 0 && entry.Seq >= newest {
				return "", differs("the newest entries first, each once", fmt.Sprintf("entry %d after %d", entry.Seq, newest))
			}
			newest = entry.Seq
			seen[entry.Action]++
		}
		return missing(seen), nil
	})
}

// missing names what should have been recorded and was not.
func missing(seen map[string]int) string {
	var list []string
	for action, n := range recorded {
		if seen[action] < n {
			list = append(list, fmt.Sprintf("%s %d of %d", action, seen[action], n))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// count says how often an action is in a session's activity.
func count(ctx context.Context, session *sdk.Session, action string) (int, error) {
	n := 0
	for entry, err := range session.Activity(ctx) {
		if err != nil {
			return 0, err
		}
		if entry.Action == action {
			n++
		}
	}
	return n, nil
}
