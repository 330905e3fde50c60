package digest

import (
	"math"
	"time"

	"centinela/shared/record"
)

// maxTold is how many conversations an event names; the others are counted.
const maxTold = 32

// Event is what audit is told of the digest: chat.activity, of class activity. Its data are messages, conversations,
// from and to (Unix ms), length {min, mean, max} in characters, gaps {count, mean_ms, cv} where there are any, rooms
// [{id, messages, first, last}], and sha256 (see Summary.Identities).
func (d Digest) Event(now time.Time, service string, s Summary) record.Event {
	e := record.New(now, service, record.ChatActivity, record.Success, d.Author.Origin)
	e.Account, e.Session = d.Author.Account, d.Author.Session
	rooms := make([]record.Data, min(len(s.Rooms), maxTold))
	for i, r := range s.Rooms[:len(rooms)] {
		rooms[i] = record.Data{"id": r.Conversation, "messages": r.Messages, "first": r.First, "last": r.Last}
	}
	e.Data = record.Data{
		"messages": s.Messages, "conversations": len(s.Rooms), "rooms": rooms, "sha256": s.Identities,
		"from": s.From.UnixMilli(), "to": s.To.UnixMilli(),
		"length": record.Data{"min": s.Lengths.Min, "mean": rounded(s.Lengths.Mean), "max": s.Lengths.Max},
	}
	if s.Gaps.Count > 0 {
		e.Data["gaps"] = record.Data{"count": s.Gaps.Count, "mean_ms": rounded(s.Gaps.Mean), "cv": rounded(s.Gaps.CV)}
	}
	return e
}

// rounded is to a thousandth: more would be noise.
func rounded(v float64) float64 { return math.Round(v*1000) / 1000 }
