package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"centinela/shared/testkit"
)

// startTime is how long a part may take to be ready on a busy machine. It is no
// speed test: those are benchmarks.
const startTime = 60 * time.Second

// topology is how the parts are spread over processes.
type topology string

const (
	together topology = "one process"
	apart    topology = "one process each"
)

// engine is where the services keep their state.
type engine string

const (
	onSQLite  engine = "SQLite"
	onMongoDB engine = "MongoDB"
)

// parts in the order of start.
var parts = []string{"audit", "auth", "recovery", "chat-relay", "gateway"}

// suite is a running set of processes.
type suite struct {
	t        *testing.T
	topology topology
	engine   engine
	URL      string // the gateway
	Ops      string // the operations listener of the gateway's process
	Data     string
	uri      string   // of the database, on MongoDB
	database string   // the prefix of its databases' names
	args     []string // settings that all processes share
	ports    map[string]string

	mu    sync.Mutex
	procs map[string]*process
}

// process is one child.
type process struct {
	name  string
	cmd   *exec.Cmd
	ended chan struct{}
	logs  *tail
}

// everywhere runs a scenario on each topology and engine.
func everywhere(t *testing.T, scenario func(t *testing.T, s *suite)) {
	for _, top := range []topology{together, apart} {
		for _, eng := range []engine{onSQLite, onMongoDB} {
			t.Run(string(top)+"/"+string(eng), func(t *testing.T) {
				scenario(t, start(t, top, eng))
			})
		}
	}
}

// start runs a fresh suite, and stops it at the end of the test. More settings
// are `key=value`.
func start(t *testing.T, top topology, eng engine, settings ...string) *suite {
	t.Helper()
	s := &suite{t: t, topology: top, engine: eng, Data: t.TempDir(), ports: map[string]string{}, procs: map[string]*process{}}
	s.args = []string{"--data", s.Data}
	settings = append([]string{"gateway.rates.default=100000-M", "gateway.rates.sign_up=10000-M", "gateway.rates.sign_in=10000-M", "gateway.rates.recovery=10000-M"}, settings...)
	if eng == onMongoDB {
		s.uri, s.database = testkit.Mongo(t)
		settings = append(settings, "store.engine=mongodb", "store.uri="+s.uri, "store.database="+s.database)
	}
	for _, setting := range settings {
		s.args = append(s.args, "--set", setting)
	}
	t.Cleanup(s.stop)
	if top == together {
		s.startTogether()
	} else {
		s.startApart()
	}
	return s
}

// startTogether and startApart give each listener a port that was free a moment ago.
func (s *suite) startTogether() {
	s.t.Helper()
	s.ports = map[string]string{"gateway": freePort(s.t), "ops": freePort(s.t)}
	s.URL, s.Ops = "http://"+s.ports["gateway"], "http://"+s.ports["ops"]
	s.args = append(s.args, "--set", "gateway.listen="+s.ports["gateway"], "--set", "ops.listen="+s.ports["ops"])
	s.launch("all")
	s.awaitReady("all")
}

func (s *suite) startApart() {
	s.t.Helper()
	for _, part := range parts {
		key := "services." + strings.ReplaceAll(part, "-", "_")
		s.ports[part], s.ports[part+" ops"] = freePort(s.t), freePort(s.t)
		if part == "gateway" {
			s.args = append(s.args, "--set", "gateway.listen="+s.ports[part])
		} else {
			s.args = append(s.args, "--set", key+".listen="+s.ports[part], "--set", key+".url=http://"+s.ports[part])
		}
		s.args = append(s.args, "--set", key+".ops="+s.ports[part+" ops"])
	}
	s.URL, s.Ops = "http://"+s.ports["gateway"], "http://"+s.ports["gateway ops"]
	for _, part := range parts {
		s.launch(part)
	}
	for _, part := range parts {
		s.awaitReady(part)
	}
}

// launch starts the process of a part ("all" for every part).
func (s *suite) launch(part string) {
	s.t.Helper()
	p := launch(s.t, append([]string{part}, s.args...)...)
	s.mu.Lock()
	s.procs[part] = p
	s.mu.Unlock()
}

// launch starts the binary; whoever calls it ends it.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2")
	logs := &tail{}
	cmd.Stdout, cmd.Stderr = io.Discard, logs
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %v: %v", args, err)
	}
	p := &process{name: args[0], cmd: cmd, ended: make(chan struct{}), logs: logs}
	go func() { _ = cmd.Wait(); close(p.ended) }() // how it ended is seen where it matters
	return p
}

// awaitReady waits until the part's /readyz says so.
func (s *suite) awaitReady(part string) {
	s.t.Helper()
	s.proc(part).awaitReady(s.t, s.opsOf(part))
}

// opsOf is the operations listener of the process that runs a part.
func (s *suite) opsOf(part string) string {
	if s.topology == together {
		return s.ports["ops"]
	}
	return s.ports[part+" ops"]
}

func (p *process) awaitReady(t *testing.T, ops string) {
	t.Helper()
	testkit.Eventually(t, startTime, func() (bool, string) {
		select {
		case <-p.ended:
			t.Fatalf("%s ended before it was ready:\n%s", p.name, p.logs)
		default:
		}
		if status := readyz(ops); status != http.StatusOK {
			return false, fmt.Sprintf("%s: /readyz says %d:\n%s", p.name, status, p.logs)
		}
		return true, ""
	})
}

// readyz is the status that /readyz answers, 0 for none.
func readyz(ops string) int {
	resp, err := http.Get("http://" + ops + "/readyz")
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// stopTime is how long a process may take to stop on a busy machine.
const stopTime = 30 * time.Second

// terminate asks a process to stop, and fails the test when it doesn't, or says
// that it failed.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop %s: %v", p.name, err)
	}
	p.awaitEnd(t)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("%s stopped with exit code %d:\n%s", p.name, code, p.logs)
	}
}

func (p *process) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill() // the test fails for it
		<-p.ended
		t.Errorf("%s did not stop within %s:\n%s", p.name, stopTime, p.logs)
	}
}

// kill ends the process that runs a part with SIGKILL: no time to say anything.
func (s *suite) kill(part string) {
	s.t.Helper()
	p := s.proc(s.processOf(part))
	if err := p.cmd.Process.Kill(); err != nil {
		s.t.Fatalf("kill %s: %v", part, err)
	}
	<-p.ended
}

// restart starts the process of a part that was killed.
func (s *suite) restart(part string) {
	s.t.Helper()
	name := s.processOf(part)
	s.launch(name)
	s.awaitReady(name)
}

func (s *suite) processOf(part string) string {
	if s.topology == together {
		return "all"
	}
	return part
}

func (s *suite) proc(name string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.procs[name]
}

// stop asks every process to stop, gateway first, and fails the test when one
// has to be killed or says that it failed.
func (s *suite) stop() {
	order := []string{"all"}
	for i := len(parts) - 1; i >= 0; i-- {
		order = append(order, parts[i])
	}
	for _, part := range order {
		p := s.proc(part)
		if p == nil {
			continue
		}
		select {
		case <-p.ended:
			continue
		default:
		}
		p.terminate(s.t)
	}
	if s.t.Failed() {
		for part, p := range s.procs {
			s.t.Logf("last lines of %s:\n%s", part, p.logs)
		}
	}
}

// command runs a sub-command with the suite's settings and returns what it
// printed and its exit code.
func (s *suite) command(args ...string) (string, int) {
	s.t.Helper()
	return command(s.t, append(args, s.args...)...)
}

// command runs the binary.
func command(t *testing.T, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%v did not end:\n%s", args, out)
	}
	if err == nil {
		return string(out), 0
	}
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // exec returns it bare
		return string(out), exit.ExitCode()
	}
	t.Fatalf("%v: %v", args, err)
	return "", 0
}

// freePort asks the system for one that nobody uses now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// tail keeps the last lines of a process's log.
type tail struct {
	mu    sync.Mutex
	lines []string
	part  bytes.Buffer
}

func (w *tail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part.Write(p)
	for {
		line, err := w.part.ReadString('\n')
		if err != nil {
			w.part.WriteString(line)
			return len(p), nil
		}
		w.lines = append(w.lines, line)
		if len(w.lines) > 200 {
			w.lines = w.lines[1:]
		}
	}
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.lines, "")
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
	build := exec.Command("go", "build", "-o", binary, "centinela")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	code := testkit.Main(m)
	_ = os.RemoveAll(dir) // a leftover in the temporary folder fails nobody
	os.Exit(code)
}
