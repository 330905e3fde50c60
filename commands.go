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

// runCmd runs the part that it is named after.
type runCmd struct{ setup }

// Help shows examples below the flags.
func (runCmd) Help() string {
	return "Examples:\n  centinela all --data ./data\n  centinela all --config /etc/centinela.yaml\n  centinela gateway --set gateway.listen=0.0.0.0:8443\n\nLogs go to standard error as JSON lines. SIGTERM drains and stops, a second one stops at once."
}

// Run serves until ctx ends.
func (r runCmd) Run(ctx context.Context, k *kong.Context, out io.Writer) error {
	target := k.Selected().Name
	if target == "run" {
		target = k.Selected().Parent.Name
	}
	cfg, _, err := r.load()
	if err != nil {
		return err
	}
	return runner.Run(ctx, cfg, target, version, os.Stderr, func(a runner.Addresses) { greet(out, target, cfg, a) })
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
	if a.Public != "http://"+runner.DefaultConfig().Gateway.Listen {
		command += " --url " + a.Public
	}
	if key := filepath.Join(cfg.KeyDir, "operator.key"); key != filepath.Join(runner.DefaultConfig().DataDir, "keys", "operator.key") {
		command += " --operator-key " + key
	}
	return command
}

// auditCmd runs audit, or verifies its record.
type auditCmd struct {
	Run    runCmd    `cmd:"" default:"withargs" help:"Run audit alone."`
	Verify verifyCmd `cmd:"" help:"Recompute every hash of the record and name the first entry that is wrong."`
}

// Help shows examples below the verbs.
func (auditCmd) Help() string {
	return "Examples:\n  centinela audit --config /etc/centinela.yaml\n  centinela audit verify --config /etc/centinela.yaml"
}

// verifyCmd reads audit's store, whether audit runs or not.
type verifyCmd struct{ setup }

// Help shows examples below the flags.
func (verifyCmd) Help() string {
	return "Exits with 0 when the record is whole, 1 when it was altered or can't be read.\n\nExamples:\n  centinela audit verify --data ./data\n  centinela audit verify --config /etc/centinela.yaml"
}

// Run prints what was found; a record that was altered is an error.
func (v verifyCmd) Run(ctx context.Context, out io.Writer) error {
	cfg, _, err := v.load()
	if err != nil {
		return err
	}
	return runner.VerifyRecord(ctx, cfg, out)
}

// configCmd checks or prints the configuration.
type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Print every error, each with its path."`
	Print configPrintCmd `cmd:"" help:"Print the effective configuration, without its secrets."`
}

// Help shows examples below the verbs.
func (configCmd) Help() string {
	return "Defaults, then the file, then CENTINELA_… variables (gateway.listen is CENTINELA_GATEWAY_LISTEN), then --set: the later wins.\n\nExamples:\n  centinela config print > /etc/centinela.yaml\n  centinela config check --config /etc/centinela.yaml"
}

type configCheckCmd struct {
	setup
	For string `default:"all" placeholder:"PART" help:"Check what one part needs when it runs alone (${default})."`
}

// Help shows examples below the flags.
func (configCheckCmd) Help() string {
	return "Exits with 0 when all is right, 2 when not.\n\nExamples:\n  centinela config check --config /etc/centinela.yaml\n  centinela config check --for gateway --config /etc/centinela.yaml"
}

// Run says "ok", or all errors.
func (c configCheckCmd) Run(out io.Writer) error {
	if !slices.Contains(runner.Targets(), c.For) {
		return fmt.Errorf("%w: --for %q is none of %s", cli.ErrUsage, c.For, strings.Join(runner.Targets(), ", "))
	}
	cfg, _, err := c.load()
	if err != nil {
		return err
	}
	if err := cfg.ValidateFor(c.For); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "ok")
	return err
}

type configPrintCmd struct{ setup }

// Help shows examples below the flags.
func (configPrintCmd) Help() string {
	return "Prints YAML that --config takes again, each secret as [redacted]: name a file with it instead.\n\nExamples:\n  centinela config print\n  centinela config print --set profile=production > /etc/centinela.yaml"
}

// Run prints YAML that --config takes again.
func (c configPrintCmd) Run(out io.Writer) error {
	_, print, err := c.load()
	if err != nil {
		return err
	}
	return print(out)
}

// keysCmd makes key files.
type keysCmd struct {
	Dir string `arg:"" type:"path" help:"Folder for the keys (key_dir)."`
}

// Help says what belongs where.
func (keysCmd) Help() string {
	return "Each service needs its own NAME.key and the NAME.pub of all who call it. Files that exist are left alone.\n\nExample:\n  centinela keys /etc/centinela/keys"
}

// Run lists the files.
func (k keysCmd) Run(out io.Writer) error {
	files, err := runner.MakeKeys(k.Dir)
	for _, file := range files {
		fmt.Fprintln(out, file)
	}
	return err
}

type versionCmd struct{}

// Help shows an example.
func (versionCmd) Help() string { return "Example:\n  centinela version" }

// Run prints one line.
func (versionCmd) Run(out io.Writer) error {
	_, err := fmt.Fprintln(out, "centinela", version)
	return err
}
