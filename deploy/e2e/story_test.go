package e2e

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/gateway/cli/story"
	"centinela/shared/testkit"
)

// The whole story over public REST and WebSocket only, on every topology and
// engine (R1, R2.3, R4.1, R5.1, R5.2, R5.4, R6.1), and afterwards a record that
// verifies.
func TestStory(t *testing.T) {
	everywhere(t, func(t *testing.T, s *world) {
		play(t, s, patience(s), nil)
		s.verifyRecord()
	})
}

// The story goes on through kill -9 of each service in turn between its steps,
// and no step sees a difference.
func TestStorySurvivesKills(t *testing.T) {
	for _, eng := range engines {
		t.Run(string(eng), func(t *testing.T) {
			s := start(t, apart, eng)
			victims, next := []string{"auth", "recovery", "audit", "chat-relay", "gateway"}, 0
			play(t, s, slow, func(step string) error {
				victim := victims[next%len(victims)]
				if victim == "audit" && strings.Contains(step, "ana forgot") || strings.Contains(step, "saved code, known") {
					// An outage of audit may lengthen a wait (V20), and this one must be none.
					next++
					victim = victims[next%len(victims)]
				}
				next++
				t.Logf("kill -9 %s before %q", victim, step)
				s.kill(victim)
				s.restart(victim)
				s.awaitBreakers(victim)
				return nil
			})
			if next < len(victims) {
				t.Errorf("the story has only %d places to kill at", next)
			}
			checkRecord(t, s.record(t))
			s.verifyRecord()
		})
	}
}

func play(t *testing.T, s *world, patience time.Duration, kill func(step string) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), scenarioTime)
	defer cancel()
	err := story.Play(ctx, story.Options{
		URL: s.URL, OperatorKey: s.operatorKey(), Out: testLog{t}, Patience: patience, Kill: kill,
	})
	if err != nil {
		t.Fatalf("the story differs: %v", err)
	}
}

func (s *world) operatorKey() string { return filepath.Join(s.Data, "keys", "operator.key") }

// slow is for where no promise of a second can hold: a service was just killed,
// or the database is the tests' stand-in, behind a lock around each request.
const slow = 10 * time.Second

// breakerPause is how long a circuit breaker that opened lets nobody try.
const breakerPause = 500 * time.Millisecond

// awaitBreakers waits until no breaker keeps a caller of the service away: when
// one opened is in the callers' logs.
func (s *world) awaitBreakers(service string) {
	s.t.Helper()
	testkit.Eventually(s.t, settleTime, func() (bool, string) {
		for _, part := range parts {
			for line := range strings.Lines(s.Process(part).Log()) {
				var entry struct {
					Msg, Peer, To string
					Time          time.Time
				}
				if json.Unmarshal([]byte(line), &entry) != nil || entry.Msg != "circuit breaker" || entry.Peer != service || entry.To != "open" {
					continue
				}
				if time.Since(entry.Time) <= breakerPause {
					return false, part + "'s breaker for " + service + " is open"
				}
			}
		}
		return true, ""
	})
}

func patience(s *world) time.Duration {
	if s.engine == onMongoDB {
		return slow
	}
	return 0
}

// verifyRecord runs `centinela audit verify` (R5.2).
func (s *world) verifyRecord() {
	s.t.Helper()
	out, code := s.command("audit", "verify")
	if code != 0 {
		s.t.Errorf("audit verify: exit code %d:\n%s", code, out)
	}
}

// testLog writes lines to a test's log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
