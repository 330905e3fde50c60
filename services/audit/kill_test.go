package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"centinela/services/audit"
	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/shared/auditlink"
	"centinela/shared/module"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/testkit"
)

// mortal ends the process with SIGKILL, which nothing can catch, at one moment.
type mortal struct {
	audit.Backend
	moment string
}

func (m mortal) at(moment string) {
	if m.moment != moment {
		return
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // not a step further
}

// deadly is the reason of the event at which the process dies while it ingests.
const deadly = "the last one"

func (m mortal) Append(ctx context.Context, at ledger.Head, rows []ledger.Row, sources map[string]record.Head) error {
	last := slices.ContainsFunc(rows, func(r ledger.Row) bool { return bytes.Contains(r.Body, []byte(deadly)) })
	if last {
		m.at("before the shipment")
	}
	err := m.Backend.Append(ctx, at, rows, sources)
	if last && err == nil {
		m.at("after the shipment")
	}
	return err
}

func (m mortal) AddVerdict(ctx context.Context, v firewall.Verdict, event record.Event) error {
	m.at("before the verdict")
	err := m.Backend.AddVerdict(ctx, v, event)
	if err == nil {
		m.at("after the verdict")
	}
	return err
}

func (m mortal) Trim(ctx context.Context, head record.Head) error {
	m.at("before the report is forgotten")
	return m.Backend.Trim(ctx, head)
}

// life is what the parent tells the child.
type life struct {
	Engine, Dir, Keys, URI, Database, Moment, Source string
	Events                                           []record.Event
}

const lifeEnv = "CENTINELA_TEST_AUDIT_LIFE"

// TestKilledChild is no test of its own: it is the process that TestR54_KilledBetweenDecisionAndVerdict starts and that
// dies. It says on its standard output what was acknowledged.
func TestKilledChild(t *testing.T) {
	told := os.Getenv(lifeEnv)
	if told == "" {
		return
	}
	var l life
	if err := json.Unmarshal([]byte(told), &l); err != nil {
		t.Fatal(err)
	}
	p := place{store: module.Store{Engine: l.Engine, Dir: l.Dir, URI: secret.NewString(l.URI), Database: l.Database}, keys: l.Keys}
	w := newWorld(t, p, func(b audit.Backend) audit.Backend { return mortal{b, l.Moment} })
	w.log(module.ChatRelay).Source = l.Source
	for _, e := range l.Events {
		s := w.ship(module.ChatRelay, e)
		fmt.Println("acknowledged", base64.StdEncoding.EncodeToString([]byte(encoded(t, s))))
		testkit.Eventually(t, testkit.Patience, func() (bool, string) {
			_, err := os.Stat(filepath.Join(l.Dir, "checkpoint.json"))
			return err == nil, "no checkpoint"
		})
	}
	<-t.Context().Done() // the parent's deadline, when nothing killed it
}

// TestR54_KilledBetweenDecisionAndVerdict: kill -9 at any moment from the third forged frame's ingest to the report of
// the verdict. What was acknowledged is in the record (R5.1); started again, and with the frames that weren't
// acknowledged sent once more as an outbox does, there is one verdict, one report, and each frame once.
func TestR54_KilledBetweenDecisionAndVerdict(t *testing.T) {
	for _, moment := range []string{"before the shipment", "after the shipment", "before the verdict", "after the verdict", "before the report is forgotten"} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, p place) {
				const account = "acc_0123456789abcdefghjkmnpq"
				var frames []record.Event
				for i := range 3 {
					frames = append(frames, violation("203.0.113.9", account, ten.Add(time.Duration(i-2)*time.Second)))
				}
				frames[2].Reason = deadly
				shipped := dies(t, p, moment, frames)
				if moment == "before the shipment" && len(shipped) == 3 || moment == "after the shipment" && len(shipped) != 2 {
					t.Errorf("acknowledged before it was durable: %d", len(shipped))
				}

				w := newWorld(t, p, asItIs)
				there := w.ids()
				for i, s := range shipped {
					if !slices.Contains(there, frames[i].ID) {
						t.Errorf("%s was acknowledged and is lost", frames[i].ID)
					}
					if held := w.held(w.send(module.ChatRelay, s)); held.N < s.Head.N {
						t.Errorf("of what was acknowledged it holds %d", held.N)
					}
				}
				// What was recorded and not acknowledged is in the log of its service, byte for byte; here it is read from the
				// record, because the process that had it is gone.
				log := w.log(module.ChatRelay)
				log.Source = source
				for _, row := range w.rows() {
					if env, err := record.Parse(row.Body); err == nil && env.Source == source {
						log.Head = log.Head.Next(row.Body)
					}
				}
				if rest := frames[log.Head.N:]; len(rest) > 0 {
					w.ship(module.ChatRelay, rest...)
				}
				reports := w.reports(account, 1)
				w.settle()
				got := w.verdicts()
				if len(got) != 1 || !got[0].Until.Equal(frames[2].Time.Add(10*time.Minute)) {
					t.Fatalf("%+v", got)
				}
				if *reports[0].Target != got[0].ID || (*reports[0].Data)["decision_id"] != frames[2].ID {
					t.Errorf("%+v", reports)
				}
				count := map[string]int{}
				for _, e := range w.everything() {
					count[e.Event.ID]++
					count[e.Event.Action]++
				}
				for _, frame := range frames {
					if count[frame.ID] != 1 {
						t.Errorf("frame %s is there %d times", frame.ID, count[frame.ID])
					}
				}
				if count[record.FirewallVerdictAdded] != 1 || len(count) != 6 {
					t.Errorf("%v", count)
				}
				w.Stop()
				w.mustVerify(4)
			})
		})
	}
}

// source is the log of the process that dies.
const source = module.ChatRelay + "/0123456789ab"

// dies runs the child until it is killed and returns what it had acknowledged.
func dies(t *testing.T, p place, moment string, frames []record.Event) []record.Shipment {
	t.Helper()
	told, err := json.Marshal(life{
		Engine: p.store.Engine, Dir: p.store.Dir, Keys: p.keys, URI: p.store.URI.Reveal(), Database: p.store.Database, Moment: moment, Source: source, Events: frames,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*testkit.Patience)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKilledChild$", "-test.timeout=100s")
	child.Env = append(os.Environ(), lifeEnv+"="+string(told))
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	err = child.Run()
	if status, ok := child.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL || ctx.Err() != nil {
		t.Fatalf("it was not killed: %v\n%s", err, &out)
	}
	var acknowledged []record.Shipment
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		encoded, ok := strings.CutPrefix(lines.Text(), "acknowledged ")
		if !ok {
			continue
		}
		body, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		s, err := auditlink.ReadShipment(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, s)
	}
	return acknowledged
}
