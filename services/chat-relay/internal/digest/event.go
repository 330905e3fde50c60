package digest

import (
	"fmt"
	"time"

	"centinela/shared/record"
)

// Event is what audit is told of the digest.
func (d Digest) Event(now time.Time, service string, s Summary) record.Event {
	e := record.New(now, service, record.ChatMessageSent, record.Success, d.Author.Origin)
	e.Account, e.Session = d.Author.Account, d.Author.Session
	e.Data = map[string]string{"messages": fmt.Sprint(s.Messages), "hash": s.Identities}
	return e
}
