package main

import (
	"context"
	"fmt"
	"io"

	"centinela/gateway/cli"
	"centinela/services/runner"
)

// demoCmd plays the story, unless it would take people by surprise.
type demoCmd struct {
	cli.Demo `embed:""`

	Data string `default:"./data" env:"CENTINELA_DATA" placeholder:"DIR" help:"The suite's data folder, to see whether there are people in it (${default})."`
	Yes  bool   `help:"Move the clock also where people have signed up."`
}

// Run refuses to move the clock of people who don't expect it.
func (d demoCmd) Run(ctx context.Context, out io.Writer) error {
	cfg, err := runner.Load("", nil, []string{"data_dir=" + d.Data})
	if err != nil {
		return err
	}
	people, err := runner.PeopleInPresent(ctx, cfg)
	if err != nil {
		return err
	}
	if people > 0 && !d.Yes {
		return fmt.Errorf("%w: %d people have signed up in %s, and the story moves the clock more than a year ahead, for good: play it on another data folder (centinela all --data ./trial), or add --yes", cli.ErrUsage, people, d.Data)
	}
	return d.Demo.Run(ctx, out)
}
