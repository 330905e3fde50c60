// Command centinela is the whole suite: one binary, a sub-command for each part.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"centinela/gateway/cli"
	"centinela/services/runner"
)

// version is set by the build.
var version = "unbuilt"

// usageExit is the exit code of a command that was called wrongly.
const usageExit = 2

type commands struct {
	All       runCmd     `cmd:"" help:"Run the whole suite in this process."`
	Gateway   runCmd     `cmd:"" help:"Run the public gateway alone."`
	Auth      runCmd     `cmd:"" help:"Run auth alone: accounts, credentials, sessions."`
	Recovery  runCmd     `cmd:"" help:"Run recovery alone: phone numbers, SMS, the way back in."`
	ChatRelay runCmd     `cmd:"" help:"Run the chat relay alone."`
	Audit     auditCmd   `cmd:"" help:"Run audit alone, or verify its record."`
	Config    configCmd  `cmd:"" help:"Check or print the configuration."`
	Keys      keysCmd    `cmd:"" help:"Make the key files that the production profile wants."`
	Version   versionCmd `cmd:"" help:"Print the version."`

	Health   cli.Health   `cmd:"" help:"Ask a running part whether it is ready."`
	Firewall cli.Firewall `cmd:"" help:"Refuse or allow addresses, accounts, sessions."`
	Demo     cli.Demo     `cmd:"" help:"Play the whole story against a running suite (development profile)."`
}

// setup is what configures a part.
type setup struct {
	ConfigFile string   `name:"config" short:"c" type:"path" env:"CENTINELA_CONFIG" placeholder:"FILE" help:"YAML configuration."`
	Data       string   `placeholder:"DIR" env:"CENTINELA_DATA" help:"Data folder; the same as --set data_dir=DIR."`
	Set        []string `placeholder:"KEY=VALUE" sep:"none" help:"Set one configuration key, e.g. --set gateway.listen=127.0.0.1:9000."`
}

func (s setup) load() (runner.Config, func(io.Writer) error, error) {
	set := s.Set
	if s.Data != "" {
		set = append([]string{"data_dir=" + s.Data}, set...)
	}
	return runner.Load(s.ConfigFile, os.Environ(), set)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal isn't caught: it ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code, 2 for a command or
// a configuration that is wrong, 1 for one that failed.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c, kong.Name("centinela"), kong.Writers(out, errOut),
		kong.Description("Account security to put behind your sign-in: recovery that a thief can't use, chat without robots, a record that nobody alters unseen.\n\nTry:\n  centinela all --data ./data\n  centinela demo"),
		kong.Exit(func(code int) { exit = code }), kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(out, (*io.Writer)(nil)), kong.Vars{"version": version})
	if err != nil {
		return report(errOut, err)
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		return report(errOut, fmt.Errorf("%w: %w (see centinela --help)", cli.ErrUsage, err))
	}
	return report(errOut, parsed.Run())
}

func report(errOut io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(errOut, "centinela: %v\n", err)
	if errors.Is(err, cli.ErrUsage) || errors.Is(err, runner.ErrConfig) {
		return usageExit
	}
	return 1
}
