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

// commands are the verbs beside those that run one part, which come from the
// runner's table.
type commands struct {
	Version kong.VersionFlag `help:"Print the version."`

	All runCmd `cmd:"" group:"run" help:"The whole suite in one process."`

	Config  configCmd  `cmd:"" group:"set" help:"Check or print the configuration."`
	Keys    keysCmd    `cmd:"" group:"set" help:"Make the key files that the production profile wants."`
	Backup  backupCmd  `cmd:"" group:"use" help:"Copy keys, databases and checkpoint into a folder, while the suite works on."`
	Restore restoreCmd `cmd:"" group:"use" help:"Put a backup into an empty data folder."`
	About   versionCmd `cmd:"" group:"set" name:"version" help:"Print the version."`
	Health  cli.Health `cmd:"" group:"use" help:"Ask a running part whether it is ready."`

	Firewall cli.Firewall `cmd:"" group:"use" help:"Refuse or allow addresses, accounts, sessions."`
	Recover  cli.Recover  `cmd:"" group:"use" help:"The way back into an account, step by step, in Spanish or English."`
	Demo     demoCmd      `cmd:"" group:"use" help:"Play the whole story against a running suite (development profile)."`
}

const description = "Account security to put behind your sign-in: recovery that a thief can't use, chat without robots, a record that nobody alters unseen.\n\nTry:\n  centinela all --data ./data\n  centinela demo\n  centinela help firewall add"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal isn't caught: it ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code, 2 for a command or
// a configuration that is wrong, 1 for one that failed.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	exit := -1
	options := append(parts(), kong.Name("centinela"), kong.Writers(out, errOut), kong.Description(description), kong.PostBuild(withDetails),
		kong.ExplicitGroups([]kong.Group{{Key: "run", Title: "Run:"}, {Key: "set", Title: "Set up:"}, {Key: "use", Title: "Operate:"}}),
		kong.Exit(func(code int) { exit = code }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.BindTo(out, (*io.Writer)(nil)), kong.BindTo(os.Stdin, (*io.Reader)(nil)), kong.Vars{"version": "centinela " + version})
	parser, err := kong.New(&commands{All: runCmd{target: runner.All}}, options...)
	if err != nil {
		return report(errOut, err)
	}
	parsed, err := parser.Parse(spoken(args))
	if exit >= 0 {
		return exit // --help, --version
	}
	if err != nil {
		return report(errOut, fmt.Errorf("%w: %w (see centinela --help)", cli.ErrUsage, err))
	}
	return report(errOut, parsed.Run())
}

// spoken turns what people try first into what the parser knows: nothing at all
// and `help` are --help, `help VERB` is VERB --help.
func spoken(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	}
	return args
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
