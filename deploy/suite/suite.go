package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"centinela/shared/module"
)

// Topology is how the parts are spread over processes.
type Topology string

// The topologies.
const (
	Together Topology = "one process"
	Apart    Topology = "one process each"
)

// all is the process of every part.
const all = "all"

// Parts are all parts in the order of their start.
func Parts() []string {
	return []string{module.Audit, module.Auth, module.Recovery, module.ChatRelay, module.Gateway}
}

// Options say what to start.
type Options struct {
	Binary   string // of the product
	Dir      string // for data and logs; made when it isn't there
	Topology Topology
	Parts    []string // Apart only: which, in the order of their start; none: all
	Settings []string // `key=value`, for every process
}

// Suite is a running product. Its methods may be called by several goroutines.
type Suite struct {
	URL  string // of the gateway
	Data string // the data folder of all processes

	options Options
	args    []string          // of every process
	at      map[string]string // a part's listener; "<process> ops": its operations listener

	mu    sync.Mutex
	procs map[string]*Process
}

// Start starts a suite and waits until each of its processes is ready. What was started is stopped again when that
// fails.
func Start(ctx context.Context, o Options) (*Suite, error) {
	if o.Topology == Together {
		o.Parts = []string{all}
	} else if len(o.Parts) == 0 {
		o.Parts = Parts()
	}
	s := &Suite{Data: filepath.Join(o.Dir, "data"), options: o, at: map[string]string{}, procs: map[string]*Process{}}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.address(); err != nil {
		return nil, err
	}
	for _, process := range o.Parts {
		if err := s.launch(process); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	for _, process := range o.Parts {
		if err := s.Process(process).AwaitReady(ctx, s.Ops(process)); err != nil {
			return nil, errors.Join(err, s.kill())
		}
	}
	return s, nil
}

// address gives each listener a port, and makes the arguments that say so.
func (s *Suite) address() error {
	ports, err := FreePorts(2 * len(s.options.Parts))
	if err != nil {
		return err
	}
	settings := slices.Clone(s.options.Settings)
	for i, process := range s.options.Parts {
		listener, ops := ports[2*i], ports[2*i+1]
		s.at[process], s.at[process+" ops"] = listener, ops
		key := "services." + strings.ReplaceAll(process, "-", "_")
		switch process {
		case all:
			s.at[module.Gateway] = listener
			settings = append(settings, "gateway.listen="+listener, "ops.listen="+ops)
		case module.Gateway:
			settings = append(settings, "gateway.listen="+listener, key+".ops="+ops)
		default:
			settings = append(settings, key+".listen="+listener, key+".url=http://"+listener, key+".ops="+ops)
		}
	}
	s.URL = "http://" + s.at[module.Gateway]
	s.args = append([]string{"--data", s.Data}, Flags(settings...)...)
	return nil
}

// Flags are settings as the command line takes them.
func Flags(settings ...string) []string {
	var out []string
	for _, setting := range settings {
		out = append(out, "--set", setting)
	}
	return out
}

func (s *Suite) launch(process string) error {
	p, err := Launch(s.options.Dir, process, s.options.Binary, append([]string{process}, s.args...)...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.procs[process] = p
	return nil
}

// of is the name of the process that runs a part.
func (s *Suite) of(part string) string {
	if s.options.Topology == Together {
		return all
	}
	return part
}

// Process is the one that runs a part.
func (s *Suite) Process(part string) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.procs[s.of(part)]
}

// Processes are all of them, in the order of their start.
func (s *Suite) Processes() []*Process {
	var out []*Process
	for _, process := range s.options.Parts {
		if p := s.Process(process); p != nil {
			out = append(out, p)
		}
	}
	return out
}

// Address is where a part listens; in one process only the gateway does at an address that is known outside.
func (s *Suite) Address(part string) string { return s.at[part] }

// Ops is the operations listener of the process that runs a part.
func (s *Suite) Ops(part string) string { return s.at[s.of(part)+" ops"] }

// Args are the arguments that all processes have: with a sub-command before them it is about this suite.
func (s *Suite) Args() []string { return slices.Clone(s.args) }

// Command runs a sub-command of the binary about this suite.
func (s *Suite) Command(ctx context.Context, args ...string) (out string, code int, err error) {
	return Run(ctx, s.options.Binary, append(args, s.args...)...)
}

// Kill ends the process that runs a part with SIGKILL.
func (s *Suite) Kill(part string) error { return s.Process(part).Kill() }

// Restart starts the process of a part again, which was killed or terminated, and waits until it is ready.
func (s *Suite) Restart(ctx context.Context, part string) error {
	if err := s.launch(s.of(part)); err != nil {
		return err
	}
	return s.Process(part).AwaitReady(ctx, s.Ops(part))
}

// Stop asks every process that still runs to stop, the last one first. One that has to be killed, or that says that
// it failed, is an error; one that was killed or has ended before isn't.
func (s *Suite) Stop() error {
	var errs []error
	for _, p := range slices.Backward(s.Processes()) {
		if p.Running() {
			errs = append(errs, p.Terminate())
		}
	}
	return errors.Join(errs...)
}

func (s *Suite) kill() error {
	var errs []error
	for _, p := range s.Processes() {
		errs = append(errs, p.Kill())
	}
	return errors.Join(errs...)
}

// Logs are the ends of all logs, for somebody who wants to know why a scenario failed.
func (s *Suite) Logs() string {
	var out []string
	for _, p := range s.Processes() {
		out = append(out, fmt.Sprintf("the end of the log of %s:\n%s", p.Name, p.tail(shownLog)))
	}
	return strings.Join(out, "\n")
}
