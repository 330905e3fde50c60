package main

import (
	"context"
	"fmt"
	"io"

	"centinela/services/runner"
)

// backupCmd copies the state of a suite, running or not.
type backupCmd struct {
	setup

	Dir string `arg:"" type:"path" help:"A new or empty folder."`
}

// Run says what was copied, line by line.
func (b backupCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	if err := runner.Backup(ctx, cfg, version, b.Dir, lines(out)); err != nil {
		return err
	}
	if cfg.OnMongoDB() {
		fmt.Fprintf(out, "The databases are on MongoDB, and not in %s. Dump them now, after this: mongodump --oplog --uri URI --out FOLDER\n(and restore them with mongorestore --oplogReplay).\n", b.Dir)
	}
	_, err := fmt.Fprintf(out, "Backed up into %s. It holds keys: keep it secret.\n", b.Dir)
	return err
}

// restoreCmd puts a backup into an empty data folder.
type restoreCmd struct {
	setup

	Dir string `arg:"" type:"existingdir" help:"The backup's folder."`
}

// Run says what was put back, line by line.
func (r restoreCmd) Run(ctx context.Context, cfg runner.Config, out io.Writer) error {
	if err := runner.Restore(ctx, cfg, r.Dir, lines(out)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Restored into %s.\n", cfg.DataDir)
	return err
}

// lines prints progress; a terminal that is gone is no reason to stop.
func lines(out io.Writer) func(string) {
	return func(line string) { fmt.Fprintln(out, line) }
}
