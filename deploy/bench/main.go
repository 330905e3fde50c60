package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usageExit is the exit code of a command that was called wrongly.
const usageExit = 2

// part is one group of measurements. It returns its rows; an error means that something broke.
type part struct {
	name, about string
	run         func(ctx context.Context, b *bench) ([]row, error)
}

// parts in the order in which they run.
var parts = []part{
	{"start", "start from an empty folder, idle memory, size of the binary", measureStart},
	{"signin", "share of a sign-in's CPU that is argon2", measureSignIn},
	{"audit", "events stored a second", measureAudit},
	{"record", "what an entry costs in a large record (-events)", measureRecord},
	{"sweep", "how long a write waits while old sessions are swept", measureSweep},
	{"gateway", "requests through the gateway", measureGateway},
	{"sockets", "memory of an idle socket", measureSockets},
	{"chat", "messages between pairs, and from one to 200", measureChat},
}

// bench is what the parts share.
type bench struct {
	binary string // of the suite
	self   string // this program, for the baselines
	dir    string // temporary, for everything
	quick  bool
	events int       // of the large record
	log    io.Writer // progress
	split  *split    // the suite in processes of its own, started by the first part that needs it
	ending []func() error
}

// pick returns the one for the whole run or the one for -quick.
func (b *bench) pick(whole, quick int) int {
	if b.quick {
		return quick
	}
	return whole
}

// atEnd calls stop when the part that runs has ended.
func (b *bench) atEnd(stop func() error) { b.ending = append(b.ending, stop) }

// end stops what the part started, the last one first.
func (b *bench) end() error {
	var errs []error
	for _, stop := range slices.Backward(b.ending) {
		errs = append(errs, stop())
	}
	b.ending = nil
	return errors.Join(errs...)
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, "  "+format+"\n", args...) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	if len(args) > 0 && args[0] == serveCommand {
		return exitCode(errOut, serve(ctx, args[1:], os.Stdin, out))
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errOut)
	only := flags.String("only", "", "comma-separated `parts` to run: "+strings.Join(names(), ", ")+" (default: all)")
	quick := flags.Bool("quick", false, "fewer and shorter slices: to see that it works, not to quote")
	binary := flags.String("binary", "bin/centinela", "the `file` to measure")
	events := flags.Int("events", defaultEvents, "how `many` the large record has; 10000000 take about ten minutes and -timeout")
	limit := flags.Duration("timeout", 15*time.Minute, "give up after this time")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return usageExit
	}
	chosen, err := choose(*only)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected %q (see --help)", flags.Args())
	}
	if err != nil {
		fmt.Fprintln(errOut, "bench:", err)
		return usageExit
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	return exitCode(errOut, measure(ctx, &bench{binary: *binary, quick: *quick, events: *events, log: errOut}, chosen, out))
}

func exitCode(errOut io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, "bench:", err)
	return 1
}

func usage(flags *flag.FlagSet) {
	fmt.Fprint(flags.Output(), "Measures the suite from outside, each number beside its baseline in the same run.\n\n")
	for _, p := range parts {
		fmt.Fprintf(flags.Output(), "  %-8s %s\n", p.name, p.about)
	}
	fmt.Fprint(flags.Output(), "\nFlags:\n")
	flags.PrintDefaults()
	fmt.Fprint(flags.Output(), "\nExamples:\n  make bench\n  make bench BENCH='-quick -only gateway,audit'\n")
}

func names() []string {
	var out []string
	for _, p := range parts {
		out = append(out, p.name)
	}
	return out
}

// choose returns the named parts in their own order; all when none is named.
func choose(only string) ([]part, error) {
	if only == "" {
		return parts, nil
	}
	wanted := strings.Split(only, ",")
	for _, name := range wanted {
		if !slices.Contains(names(), name) {
			return nil, fmt.Errorf("-only: no part is named %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !slices.Contains(wanted, p.name) }), nil
}

// measure runs the parts and prints the table. A part that broke doesn't keep the others from running.
func measure(ctx context.Context, b *bench, chosen []part, out io.Writer) (err error) {
	if b.dir, err = os.MkdirTemp("", "centinela-bench-"); err != nil {
		return fmt.Errorf("temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, b.split.stop(), os.RemoveAll(b.dir)) }()
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("this program's own file: %w", err)
	}
	began := time.Now()
	var rows []row
	var failed []error
	for _, p := range chosen {
		fmt.Fprintf(b.log, "%s: %s\n", p.name, p.about)
		got, err := p.run(ctx, b)
		rows = append(rows, got...)
		if err := errors.Join(err, b.end()); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", p.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(out, "\n%d CPUs, %s, %s, took %s. Medians of slices that alternate; ratio = ours / baseline.\n\n",
		runtime.NumCPU(), runtime.Version(), began.UTC().Format("2006-01-02"), time.Since(began).Round(time.Second))
	printTable(out, rows)
	return errors.Join(failed...)
}
