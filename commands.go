package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"centinela/gateway/cli"
	"centinela/services/runner"
)

// setup is what configures a part.
type setup struct {
	ConfigFile string   `name:"config" short:"c" type:"path" env:"CENTINELA_CONFIG" placeholder:"FILE" help:"YAML configuration."`
	Data       string   `placeholder:"DIR" env:"CENTINELA_DATA" help:"Data folder; the same as --set data_dir=DIR."`
	Set        []string `placeholder:"KEY=VALUE" sep:"none" help:"Set one configuration key, e.g. --set gateway.listen=127.0.0.1:9000."`
}

// ProvideConfig gives a command's Run the configuration that it asks for.
func (s setup) ProvideConfig() (runner.Config, error) {
	set := s.Set
	if s.Data != "" {
		set = append([]string{"data_dir=" + s.Data}, set...)
	}
	return runner.Load(s.ConfigFile, os.Environ(), set)
}

// parts are a command for each row of the runner's table.
func parts() []kong.Option {
	var options []kong.Option
	for _, part := range runner.Parts() {
		var command any = &runCmd{target: part.Name}
		switch part.Name { // two have verbs of their own
		case "audit":
			command = &auditCmd{Run: runCmd{target: part.Name}}
		case "recovery":
			command = &recoveryCmd{Run: runCmd{target: part.Name}}
		}
		options = append(options, kong.DynamicCommand(part.Name, part.Help, "run", command))
	}
	return options
}

// runCmd runs its target.
type runCmd struct {
	setup

	target string
}

// Run serves until ctx ends.
func (r *runCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	return runner.Run(ctx, cfg, r.target, version, os.Stderr, func(a runner.Addresses) { greet(out, r.target, cfg, a) })
}

// greet says where to look first.
func greet(out io.Writer, target string, cfg runner.Config, a runner.Addresses) {
	if a.Public == "" {
		fmt.Fprintf(out, "centinela %s is ready on http://%s (operations: %s)\n", target, a.Parts[target], a.Ops)
		return
	}
	fmt.Fprintf(out, "Centinela is ready at %s (%s profile, data in %s)\n", a.Public, cfg.Profile, cfg.DataDir)
	fmt.Fprintf(out, "  API reference     %s/docs\n", a.Public)
	if cfg.Profile == runner.Development {
		fmt.Fprintf(out, "  simulated phones  %s/dev/phone\n", a.Public)
	}
	fmt.Fprintf(out, "  metrics, health   %s/metrics %s/readyz\n", a.Ops, a.Ops)
	if cfg.Profile == runner.Development {
		fmt.Fprintf(out, "  the whole story   %s   (in another terminal)\n", demo(cfg, a))
	}
}

// demo is the command that plays the story against this suite.
func demo(cfg runner.Config, a runner.Addresses) string {
	command := "bin/centinela demo"
	if a.Public != cli.DefaultURL {
		command += " --url " + a.Public
	}
	if filepath.Clean(cfg.DataDir) != filepath.Clean(cli.DefaultData) {
		command += " --data " + cfg.DataDir
	}
	if key := filepath.Join(cfg.KeyDir, "operator.key"); key != filepath.Clean(cli.DefaultKey) {
		command += " --operator-key " + key
	}
	return command
}

// auditCmd runs audit, or verifies its record.
type auditCmd struct {
	Run    runCmd    `cmd:"" default:"withargs" help:"Run audit alone, as centinela audit does."`
	Verify verifyCmd `cmd:"" help:"Recompute every hash of the record and name the first entry that is wrong."`
}

// verifyCmd reads audit's store, whether audit runs or not.
type verifyCmd struct{ setup }

// Run prints what was found; a record that was altered is an error.
func (verifyCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	return runner.VerifyRecord(ctx, cfg, out)
}

// configCmd checks or prints the configuration.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Print every error, each with its path."`
	Print configPrintCmd `cmd:"" help:"Print the effective configuration, without its secrets."`
}

type configCheckCmd struct {
	setup
	For string `default:"all" placeholder:"PART" help:"Check what one part needs when it runs alone (${default})."`
}

// Run says "ok", or all errors.
func (c configCheckCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	names := []string{runner.All}
	for _, part := range runner.Parts() {
		names = append(names, part.Name)
	}
	if !slices.Contains(names, c.For) {
		return fmt.Errorf("%w: --for %q is none of %s", cli.ErrUsage, c.For, strings.Join(names, ", "))
	}
	running, err := runner.Check(ctx, cfg, c.For)
	if err != nil {
		return err
	}
	if running != "" {
		running = fmt.Sprintf(" (%s: its ports were not tried)", running)
	}
	_, err = fmt.Fprintf(out, "ok%s\n", running)
	return err
}

type configPrintCmd struct{ setup }

// Run prints YAML that --config takes again.
func (configPrintCmd) Run(cfg runner.Config, out io.Writer) error {
	return cfg.Print(out)
}

// keysCmd makes key files.
type keysCmd struct {
	Dir string `arg:"" type:"path" help:"Folder for the keys (key_dir)."`
}

// Run lists the files, what each is for, and what is lost with it.
func (k keysCmd) Run(out io.Writer) error {
	files, err := runner.MakeKeys(k.Dir)
	for _, file := range files {
		fmt.Fprintf(out, "%s\n  %s\n  lost with it: %s\n", filepath.Join(k.Dir, file.Name), file.For, file.Lost)
	}
	return err
}

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(out io.Writer) error {
	_, err := fmt.Fprintln(out, "centinela", version)
	return err
}
