package main

import (
	"context"
	"io"

	"centinela/services/runner"
)

// recoveryCmd runs recovery, or reads what it decided.
type recoveryCmd struct {
	Run     runCmd     `cmd:"" default:"withargs" help:"Run recovery alone, as centinela recovery does."`
	Explain explainCmd `cmd:"" help:"Say why a recovery was decided as it was."`
	Replay  replayCmd  `cmd:"" help:"Say what another policy would have decided."`
	Policy  policyCmd  `cmd:"" help:"Check or print the policy of waits and windows."`
}

// explainCmd reads recovery's store, whether recovery runs or not.
type explainCmd struct {
	setup

	ID     string `arg:"" placeholder:"ID" help:"The recovery (rec_…)."`
	Locale string `default:"en" enum:"en,es" help:"Language of the reasons: en or es (${default})."`
}

// Run prints every decision with its reasons.
func (c explainCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	return runner.ExplainRecovery(ctx, cfg, c.ID, c.Locale, out)
}

// replayCmd reads recovery's store, whether recovery runs or not.
type replayCmd struct {
	setup

	ID     string `arg:"" optional:"" placeholder:"ID" help:"One recovery (rec_…); all that are kept without it."`
	Policy string `required:"" type:"path" placeholder:"FILE" help:"The policy to try."`
}

// Run prints the decisions that would differ, and how many.
func (c replayCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	return runner.ReplayRecoveries(ctx, cfg, c.ID, c.Policy, out)
}

// policyCmd is about the policy file.
type policyCmd struct {
	Check policyCheckCmd `cmd:"" help:"Prove a policy over every situation there is."`
	Print policyPrintCmd `cmd:"" help:"Print the policy that decides, to copy and change it."`
}

type policyCheckCmd struct {
	setup

	File string `arg:"" optional:"" type:"path" placeholder:"FILE" help:"The policy; the configured one without it."`
}

// Run says that it is good, or a line for everything that is wrong.
func (c policyCheckCmd) Run(cfg runner.Config, out io.Writer) error {
	return runner.CheckPolicy(cfg, c.File, out)
}

type policyPrintCmd struct{ setup }

// Run prints YAML that recovery.policy_file takes.
func (policyPrintCmd) Run(cfg runner.Config, out io.Writer) error {
	return runner.PrintPolicy(cfg, out)
}
