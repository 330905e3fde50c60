package story

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"centinela/openapi/sdk"
)

// recorded is what ana's activity must show, each exactly so often: an event
// less was lost, and one more was doubled (R5.1).
var recorded = map[string]int{
	"account.created":            1,
	"saved_codes.issued":         1,
	"session.created":            11,
	"session.refused":            2,
	"session.refreshed":          1,
	"session.refresh_reused":     1,
	"session.revoked":            5,
	"phone.added":                2,
	"phone.verified":             4,
	"chat.conversation_created":  1,
	"recovery.started":           4,
	"recovery.code_sent":         5,
	"recovery.evidence_refused":  2,
	"recovery.evidence_accepted": 4,
	"recovery.possession_proved": 3,
	"recovery.refused":           1,
	"recovery.decided":           6,
	"recovery.vetoed":            1,
	"recovery.completed":         2,
	"saved_code.used":            2,
	"password.reset":             2,
}

// written is how many messages ana wrote; the record has them as digests.
const written = 7

// least is what it must show at least so often: how many reminders of a wait are
// due between two steps, and how often a socket was cut, depends on the time
// that the steps take.
var least = map[string]int{
	"chat.activity":           1,
	"chat.connected":          1,
	"recovery.wait_announced": 2,
	"sms.sent":                24,
}

// Recorded is what the record must hold of ana from the activity step on, each
// action exactly so often.
func Recorded() map[string]int { return maps.Clone(recorded) }

func (p *play) activity(ctx context.Context) error {
	return within(ctx, 10*time.Second, "all of the story in ana's activity", func() (string, error) {
		seen := map[string]int{}
		var newest int64
		messages := 0
		for entry, err := range p.ana.session.Activity(ctx, sdk.AllActivity) {
			if err != nil {
				return "", err
			}
			if newest != 0 && entry.Seq >= newest {
				return "", differs("the newest entries first, each once", fmt.Sprintf("entry %d after %d", entry.Seq, newest))
			}
			newest = entry.Seq
			seen[entry.Action]++
			messages += Messages(entry)
		}
		if messages != written {
			return fmt.Sprintf("%d of %d messages", messages, written), nil
		}
		return unequal(seen), nil
	})
}

// Messages is how many messages an entry tells of.
func Messages(entry sdk.Activity) int {
	if entry.Action != "chat.activity" || entry.Data == nil {
		return 0
	}
	n, _ := (*entry.Data)["messages"].(float64)
	return int(n)
}

// unequal names what was recorded too seldom or too often.
func unequal(seen map[string]int) string {
	var list []string
	for action, n := range recorded {
		if seen[action] != n {
			list = append(list, fmt.Sprintf("%s %d of %d", action, seen[action], n))
		}
	}
	for action, n := range least {
		if seen[action] < n {
			list = append(list, fmt.Sprintf("%s %d of %d or more", action, seen[action], n))
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// count says how often an action is in a session's activity.
func count(ctx context.Context, session *sdk.Session, action string) (int, error) {
	n := 0
	for entry, err := range session.Activity(ctx, sdk.AllActivity) {
		if err != nil {
			return 0, err
		}
		if entry.Action == action {
			n++
		}
	}
	return n, nil
}
