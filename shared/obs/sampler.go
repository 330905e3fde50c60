package obs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	sampleEvery = time.Minute
	maxSamples  = 4096 // different lines that are summed up at once: about 2 MB with their examples
	maxExamples = 4    // details of a sum
)

// Sampler thins out the log lines whose number somebody else decides: of one kind and source the first is logged, and
// then a line a minute says how many more there were. Whoever floods the service fills no disk and hides nobody else's
// lines (gateway.md, "Telemetry"). Its memory is bounded: sources that don't fit are summed up as one. Safe for
// concurrent use.
type Sampler struct {
	log *slog.Logger

	mu    sync.Mutex
	sums  map[sampled]*sum
	timer *time.Timer
}

// sampled is what lines are told apart by. What there is of kinds is bounded by the code.
type sampled struct{ kind, source string }

type sum struct {
	count    int
	examples []string
}

// NewSampler writes its sums to log.
func NewSampler(log *slog.Logger) *Sampler {
	return &Sampler{log: log, sums: map[sampled]*sum{}}
}

// Admit reports whether the line is to be logged; if not, it is counted. detail, where there is one, tells what of the
// kind it was: the sum names a few of them.
func (s *Sampler) Admit(kind, source, detail string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sampled{kind, source}
	if known, ok := s.sums[key]; ok {
		known.add(detail)
		return false
	}
	if len(s.sums) >= maxSamples {
		key.source = "others"
	}
	known, ok := s.sums[key]
	if !ok {
		known = &sum{}
		s.sums[key] = known
	}
	if s.timer == nil {
		s.timer = time.AfterFunc(sampleEvery, s.tell)
	}
	if ok {
		known.add(detail)
	}
	return !ok
}

func (m *sum) add(detail string) {
	m.count++
	if detail != "" && len(m.examples) < maxExamples && !slices.Contains(m.examples, detail) {
		m.examples = append(m.examples, detail)
	}
}

// tell logs the sums of the minute that is over, and forgets what has become quiet.
func (s *Sampler) tell() {
	s.mu.Lock()
	told := map[sampled]sum{}
	for key, m := range s.sums {
		if m.count == 0 {
			delete(s.sums, key)
			continue
		}
		told[key] = *m
		*m = sum{}
	}
	s.timer = nil
	if len(s.sums) > 0 {
		s.timer = time.AfterFunc(sampleEvery, s.tell)
	}
	s.mu.Unlock()
	for key, m := range told {
		attrs := []slog.Attr{slog.String("kind", key.kind), slog.String("source", key.source), slog.Int("count", m.count)}
		if len(m.examples) > 0 {
			attrs = append(attrs, slog.Any("examples", m.examples))
		}
		s.log.LogAttrs(context.Background(), slog.LevelInfo, "more of the same in the last minute", attrs...)
	}
}
