package digest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"time"
)

// Summary is what a digest's event says of its messages.
type Summary struct {
	Messages   int
	From, To   time.Time // of the first and the last message
	Lengths    Spread    // characters
	Gaps       Spread    // milliseconds between one message and the next, of whatever conversation
	Rooms      []Room    // by id
	Identities string    // SHA-256, in hex, over "<conversation>/<seq>\n" of each, sorted by conversation and number
}

// Spread describes numbers. CV is the coefficient of variation: the standard deviation over the mean, 0 without a mean.
type Spread struct {
	Count         int
	Min, Max      int64
	Mean, CV      float64
	sum, sumOfSqr float64
}

// Room is a conversation's part: so many messages, the numbers of the first and the last one.
type Room struct {
	Conversation string
	Messages     int
	First, Last  int64
}

// Summarize sums entries up, which come in any order and are at least one.
func Summarize(entries []Entry) Summary {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	s := Summary{Messages: len(entries), From: entries[0].At, To: entries[len(entries)-1].At}
	for i, e := range entries {
		s.Lengths.add(int64(e.Length))
		if i > 0 {
			s.Gaps.add(e.At.Sub(entries[i-1].At).Milliseconds())
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Seq, b.Seq))
	})
	hash := sha256.New()
	for _, e := range entries {
		fmt.Fprintf(hash, "%s/%d\n", e.Conversation, e.Seq)
		if n := len(s.Rooms); n == 0 || s.Rooms[n-1].Conversation != e.Conversation {
			s.Rooms = append(s.Rooms, Room{Conversation: e.Conversation, First: e.Seq})
		}
		room := &s.Rooms[len(s.Rooms)-1]
		room.Messages++
		room.Last = e.Seq
	}
	s.Identities = hex.EncodeToString(hash.Sum(nil))
	return s
}

func (s *Spread) add(v int64) {
	if s.Count == 0 {
		s.Min, s.Max = v, v
	}
	s.Count++
	s.Min, s.Max = min(s.Min, v), max(s.Max, v)
	s.sum += float64(v)
	s.sumOfSqr += float64(v) * float64(v)
	s.Mean = s.sum / float64(s.Count)
	if s.Mean > 0 {
		variance := s.sumOfSqr/float64(s.Count) - s.Mean*s.Mean
		s.CV = math.Sqrt(max(variance, 0)) / s.Mean
	}
}
