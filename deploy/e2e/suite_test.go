package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"centinela/deploy/suite"
	"centinela/shared/testkit"
)

// Deadlines of the scenarios. Only a failing test reaches one: they are for a
// machine whose cores are all busy with something else, and no speed tests.
const (
	// settleTime is how long the suite may take until what was done is seen
	// everywhere: delivered, recorded, answered again after a part came back.
	settleTime = 90 * time.Second
	// scenarioTime bounds everything that one scenario asks for.
	scenarioTime = 6 * time.Minute
	// commandTime bounds a sub-command.
	commandTime = 2 * time.Minute
)

// engine is where the services keep their state.
type engine string

const (
	onSQLite  engine = "SQLite"
	onMongoDB engine = "MongoDB"
)

// topology is how the parts are spread over processes.
type topology = suite.Topology

const (
	together = suite.Together
	apart    = suite.Apart
)

// engines and topologies are all of them.
var (
	engines    = []engine{onSQLite, onMongoDB}
	topologies = []topology{together, apart}
)

// parts in the order of start.
var parts = suite.Parts()

// world is a suite and the test that it runs for.
type world struct {
	*suite.Suite
	t        *testing.T
	topology topology
	engine   engine
	uri      string // of the database, on MongoDB
	database string // the prefix of its databases' names
}

// everywhere runs a scenario on each topology and engine.
func everywhere(t *testing.T, scenario func(t *testing.T, s *world)) {
	for _, top := range topologies {
		for _, eng := range engines {
			t.Run(string(top)+"/"+string(eng), func(t *testing.T) {
				scenario(t, start(t, top, eng))
			})
		}
	}
}

// start runs a fresh suite, and stops it at the end of the test. More settings
// are `key=value`. Only what the test is about may refuse: rates are wide.
func start(t *testing.T, top topology, eng engine, settings ...string) *world {
	t.Helper()
	return startIn(t, t.TempDir(), top, eng, settings...)
}

// startIn is start with the data in dir/data, which may be there already.
func startIn(t *testing.T, dir string, top topology, eng engine, settings ...string) *world {
	t.Helper()
	s := &world{t: t, topology: top, engine: eng}
	settings = append([]string{"log.format=json", "gateway.rates.default=100000-M", "gateway.rates.sign_up=10000-M", "gateway.rates.sign_in=10000-M", "gateway.rates.recovery=10000-M"}, settings...)
	if eng == onMongoDB {
		s.uri, s.database = testkit.Mongo(t)
		settings = append(settings, "store.engine=mongodb", "store.uri="+s.uri, "store.database="+s.database)
	}
	running, err := suite.Start(t.Context(), suite.Options{Binary: binary, Dir: dir, Topology: top, Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	s.Suite = running
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(s.Logs())
		}
	})
	return s
}

// kill ends the process that runs a part with SIGKILL.
func (s *world) kill(part string) {
	s.t.Helper()
	if err := s.Kill(part); err != nil {
		s.t.Fatal(err)
	}
}

// restart starts the process of a part that was ended.
func (s *world) restart(part string) {
	s.t.Helper()
	if err := s.Restart(s.t.Context(), part); err != nil {
		s.t.Fatal(err)
	}
}

// command runs a sub-command with the suite's settings and returns what it
// printed and its exit code.
func (s *world) command(args ...string) (string, int) {
	s.t.Helper()
	return command(s.t, slices.Concat(args, s.Args())...)
}

// command runs the binary.
func command(t *testing.T, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	out, code, err := suite.Run(ctx, binary, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out, code
}

// freePort is an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	ports, err := suite.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	return ports[0]
}

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "centinela-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "centinela")
	if err := suite.Build(context.Background(), binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := testkit.Main(m)
	_ = os.RemoveAll(dir) // a leftover in the temporary folder fails nobody
	os.Exit(code)
}
