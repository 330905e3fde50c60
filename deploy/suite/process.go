package suite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// ReadyTime is how long a process may take to start on a machine whose cores are all busy with something else. It is
	// no speed test: how fast a start is, deploy/bench measures.
	ReadyTime = 90 * time.Second
	// StopTime is the same for a stop.
	StopTime = 60 * time.Second
	// shownLog is how much of a log an error shows.
	shownLog = 8 << 10
	// readLog is how much of a log is read back, from its end.
	readLog = 1 << 20
)

// Process is a child that this program started and ends.
type Process struct {
	Name    string
	cmd     *exec.Cmd
	stdin   io.Closer // of a child that ends when it is closed
	ended   chan struct{}
	logFile string
}

// Launch starts a program. Its standard error goes to NAME.log in dir, behind what an earlier process of the name
// left there; its standard output to nobody. Settings in the environment of whoever runs this don't reach it.
func Launch(dir, name, path string, args ...string) (*Process, error) {
	p := newProcess(dir, name, path, args)
	if err := p.start(); err != nil {
		return nil, err
	}
	p.watch()
	return p, nil
}

// LaunchServer starts a program that says in its first line, after the prefix, where it serves, and that ends when
// its standard input is closed.
func LaunchServer(dir, name, prefix, path string, args ...string) (p *Process, said string, err error) {
	p = newProcess(dir, name, path, args)
	stdin, err1 := p.cmd.StdinPipe()
	stdout, err2 := p.cmd.StdoutPipe()
	if err := errors.Join(err1, err2, p.start()); err != nil {
		return nil, "", err
	}
	p.stdin = stdin
	line, err := bufio.NewReader(stdout).ReadString('\n')
	p.watch()
	said, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
	if err != nil || !ok {
		return nil, "", errors.Join(p.failure("did not say where it serves"), err, p.Kill())
	}
	return p, said, nil
}

func newProcess(dir, name, path string, args []string) *Process {
	p := &Process{Name: name, cmd: exec.Command(path, args...), ended: make(chan struct{}), logFile: filepath.Join(dir, name+".log")} //nolint:noctx // Terminate lets it drain
	p.cmd.Env = environment()
	withParent(p.cmd)
	return p
}

func (p *Process) start() error {
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("log of %s: %w", p.Name, err)
	}
	defer log.Close() //nolint:errcheck // the child has its own
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	return nil
}

// watch collects the child's end; call it once, after what is wanted of its output was read.
func (p *Process) watch() {
	go func() { _ = p.cmd.Wait(); close(p.ended) }() // how it ended is in ProcessState
}

// environment is this program's own, without settings of the product.
func environment() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "CENTINELA_") {
			out = append(out, e)
		}
	}
	return out
}

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Running says whether the process hasn't ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// State is how the process ended; nil before.
func (p *Process) State() *os.ProcessState {
	if p.Running() {
		return nil
	}
	return p.cmd.ProcessState
}

// Signal sends one; a process that has ended takes none, and that is no error.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// Kill ends the process at once: no time to say anything.
func (p *Process) Kill() error {
	err := p.Signal(syscall.SIGKILL)
	<-p.ended
	return err
}

// Terminate asks the process to stop and waits for it. One that had ended by itself, takes longer than StopTime (and
// is killed) or has another exit code than 0 is an error.
func (p *Process) Terminate() error {
	if p == nil {
		return nil
	}
	if !p.Running() {
		return p.failure("ended by itself")
	}
	if p.stdin != nil {
		_ = p.stdin.Close() // the child may be gone
	} else if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := p.AwaitEnd(); err != nil {
		return err
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return p.failure(fmt.Sprintf("exit code %d", code))
	}
	return nil
}

// AwaitEnd waits for the end of a process that was told to stop, and kills one that takes longer than StopTime.
func (p *Process) AwaitEnd() error {
	select {
	case <-p.ended:
		return nil
	case <-time.After(StopTime):
		return errors.Join(p.failure("did not stop within "+StopTime.String()), p.Kill())
	}
}

// Log is the end of what the process, and earlier ones of its name, wrote.
func (p *Process) Log() string { return p.tail(readLog) }

// tail is the end of the log, or why it can't be read.
func (p *Process) tail(most int64) string {
	f, err := os.Open(p.logFile)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-most), most))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TrimLog empties the log when it is longer than most bytes.
func (p *Process) TrimLog(most int64) error {
	if info, err := os.Stat(p.logFile); err != nil || info.Size() < most {
		return err
	}
	return os.Truncate(p.logFile, 0) // the child appends
}

// failure names what went wrong, with the end of the log.
func (p *Process) failure(what string) error {
	return fmt.Errorf("%s: %s; the end of its log:\n%s", p.Name, what, p.tail(shownLog))
}

// Run runs a sub-command to its end and returns what it printed and its exit code.
func Run(ctx context.Context, path string, args ...string) (out string, code int, err error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment()
	withParent(cmd)
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return string(said), -1, fmt.Errorf("%v did not end: %w:\n%s", args, ctx.Err(), said)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(said), exit.ExitCode(), nil
	}
	return string(said), 0, err
}
