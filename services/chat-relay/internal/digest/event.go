package digest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"

	"centinela/shared/record"
)

// maxTold is how many conversations an event names; the others are counted.
const maxTold = 32

// event is what audit is told of the digest, by its messages, which come in any order and are at least one: chat.activity,
// of class activity. Its data are messages, conversations, from and to (Unix ms, of the first and the last message), length
// {min, mean, max} in characters, gaps {count, mean_ms, cv} between one message and the next, of whatever conversation,
// where there are any (cv is the standard deviation over the mean, 0 without a mean), rooms [{id, messages, first, last}]
// by id, and sha256, in hex, over "<conversation>/<seq>\n" of each, sorted by conversation and number.
func (d Digest) event(now time.Time, service string, entries []Entry) record.Event {
	slices.SortFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	var lengths, gaps []int64
	for i, m := range entries {
		lengths = append(lengths, int64(m.Length))
		if i > 0 {
			gaps = append(gaps, m.At.Sub(entries[i-1].At).Milliseconds())
		}
	}
	e := record.New(now, service, record.ChatActivity, record.Success, d.Author.Origin)
	e.Account, e.Session = d.Author.Account, d.Author.Session
	mean, _ := spread(lengths)
	e.Data = record.Data{
		"messages": len(entries), "from": entries[0].At.UnixMilli(), "to": entries[len(entries)-1].At.UnixMilli(),
		"length": record.Data{"min": slices.Min(lengths), "mean": mean, "max": slices.Max(lengths)},
	}
	if len(gaps) > 0 {
		mean, cv := spread(gaps)
		e.Data["gaps"] = record.Data{"count": len(gaps), "mean_ms": mean, "cv": cv}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Seq, b.Seq))
	})
	hash, rooms, began := sha256.New(), []record.Data{}, 0
	for i, m := range entries {
		fmt.Fprintf(hash, "%s/%d\n", m.Conversation, m.Seq)
		if i+1 == len(entries) || entries[i+1].Conversation != m.Conversation {
			rooms = append(rooms, record.Data{"id": m.Conversation, "messages": i + 1 - began, "first": entries[began].Seq, "last": m.Seq})
			began = i + 1
		}
	}
	e.Data["conversations"], e.Data["rooms"], e.Data["sha256"] = len(rooms), rooms[:min(len(rooms), maxTold)], hex.EncodeToString(hash.Sum(nil))
	return e
}

// spread is the mean and the coefficient of variation, to a thousandth: more would be noise.
func spread(values []int64) (mean, cv float64) {
	for _, v := range values {
		mean += float64(v) / float64(len(values))
	}
	if mean == 0 {
		return 0, 0
	}
	for _, v := range values {
		cv += (float64(v) - mean) * (float64(v) - mean) / float64(len(values))
	}
	return math.Round(mean*1000) / 1000, math.Round(math.Sqrt(cv)/mean*1000) / 1000
}
