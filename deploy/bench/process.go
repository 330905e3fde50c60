package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	readyTime = 60 * time.Second // for a busy machine; how fast a start is, is measured
	stopTime  = 20 * time.Second
	// tick is USER_HZ, the unit of /proc/<pid>/stat on every Linux that Go runs on.
	tick = 10 * time.Millisecond
	// maxLog is how long a child's log may grow: a line a request is many.
	maxLog = 64 << 20
)

// process is a child that this program started and stops.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer // a baseline ends when it is closed, however this program ends
	ended chan struct{}
	log   string
}

// launch starts a child; its log goes to a file in dir. Baselines get a pipe as stdin and say on stdout where they listen.
func launch(dir, name, path string, args []string, baseline bool) (*process, *bufio.Reader, error) {
	p := &process{name: name, cmd: exec.Command(path, args...), ended: make(chan struct{}), log: filepath.Join(dir, name+".log")} //nolint:noctx // it is stopped by stop, which lets it drain
	withParent(p.cmd)
	p.cmd.Env = withoutSettings(os.Environ())
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("log of %s: %w", name, err)
	}
	defer log.Close() //nolint:errcheck // the child has its own
	p.cmd.Stderr = log
	var said *bufio.Reader
	if baseline {
		if p.stdin, err = p.cmd.StdinPipe(); err != nil {
			return nil, nil, fmt.Errorf("start %s: %w", name, err)
		}
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return nil, nil, fmt.Errorf("start %s: %w", name, err)
		}
		said = bufio.NewReader(out)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, said, nil
}

// watch collects the child's end; call it once, after its stdout was read.
func (p *process) watch() {
	go func() { _ = p.cmd.Wait(); close(p.ended) }() // how it ended is in ProcessState
}

// withoutSettings keeps a developer's own settings out of what is measured.
func withoutSettings(env []string) []string {
	var out []string
	for _, e := range env {
		if !strings.HasPrefix(e, "CENTINELA_") {
			out = append(out, e)
		}
	}
	return out
}

// stop ends the child: politely, then not.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	select {
	case <-p.ended:
		return p.failure("ended by itself")
	default:
	}
	if p.stdin != nil {
		_ = p.stdin.Close() // the child may be gone
	} else if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	timer := time.NewTimer(stopTime)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		_ = p.cmd.Process.Kill() // it is reported below
		<-p.ended
		return p.failure("did not stop")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		return p.failure("exit code " + strconv.Itoa(code))
	}
	return nil
}

// failure names what went wrong, with the end of the log.
func (p *process) failure(what string) error {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Errorf("%s: %s (and its log: %w)", p.name, what, err)
	}
	return fmt.Errorf("%s: %s; the end of its log:\n%s", p.name, what, text[max(0, len(text)-2000):])
}

// trim empties the log when it has grown long.
func (p *process) trim() error {
	if info, err := os.Stat(p.log); err != nil || info.Size() < maxLog {
		return err
	}
	return os.Truncate(p.log, 0) // the child appends
}

// cpu is what the child has used so far, user and system.
func (p *process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("CPU of %s: %w", p.name, err)
	}
	return parseStat(string(text))
}

// parseStat reads utime and stime, the fields 14 and 15 of proc_pid_stat(5). The name in field 2 may hold anything.
func parseStat(text string) (time.Duration, error) {
	_, rest, ok := cutLast(text, ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 13 {
		return 0, fmt.Errorf("/proc/<pid>/stat reads %q", text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("/proc/<pid>/stat: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// resident is the child's memory in bytes.
func (p *process) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("memory of %s: no VmRSS", p.name)
}

// cpuOf is the sum over several children.
func cpuOf(list ...*process) (time.Duration, error) {
	var sum time.Duration
	for _, p := range list {
		used, err := p.cpu()
		if err != nil {
			return 0, err
		}
		sum += used
	}
	return sum, nil
}

// settle waits until the children do nothing any more (what was written is shipped, the collector is done), so that one
// slice's work doesn't run in the next one's time. It returns what they have used by then.
func settle(ctx context.Context, list ...*process) (time.Duration, error) {
	const (
		look  = 100 * time.Millisecond
		still = 3
	)
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	last, err := cpuOf(list...)
	for quiet := 0; err == nil && quiet < still; {
		if err := pause(ctx, look); err != nil {
			return 0, fmt.Errorf("the processes don't come to rest: %w", err)
		}
		var now time.Duration
		if now, err = cpuOf(list...); now-last <= tick {
			quiet++
		} else {
			quiet = 0
		}
		last = now
	}
	return last, err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitReady waits until the child's /readyz says so.
func (p *process) awaitReady(ctx context.Context, ops string, every time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		if status, err := get(ctx, "http://"+ops+"/readyz", io.Discard); err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-p.ended:
			return p.failure("ended before it was ready")
		default:
		}
		if err := pause(ctx, every); err != nil {
			return p.failure("not ready")
		}
	}
}

func get(ctx context.Context, url string, to io.Writer) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(to, resp.Body)
	return resp.StatusCode, err
}

// fetch is a get that must succeed.
func fetch(ctx context.Context, url string) ([]byte, error) {
	var text bytes.Buffer
	status, err := get(ctx, url, &text)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", status, &text)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return text.Bytes(), nil
}

// freePorts asks the system for n addresses that nobody uses now: all at once, so that they differ.
func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		var lc net.ListenConfig
		l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("a free port: %w", err)
		}
		defer l.Close() //nolint:errcheck,revive // held until all are known
		out = append(out, l.Addr().String())
	}
	return out, nil
}
