package runner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"centinela/gateway"
	"centinela/services/runner/backup"
	"centinela/shared/clock"
	"centinela/shared/config"
	"centinela/shared/module"
	"centinela/shared/sqlitex"
)

// preflight finds, before anything starts, what a start would stumble over: in the
// configuration (ErrConfig), else in keys, certificates and folders; all of a kind
// at once. It leaves nothing behind.
func (c Config) preflight(ctx context.Context, target string) error {
	if rows(target) == nil {
		return fmt.Errorf("%w: no part is named %q", ErrConfig, target)
	}
	if err := c.Validate(target); err != nil {
		return err
	}
	var errs config.Errors
	c.checkKeys(rows(target), &errs)
	c.checkFolders(ctx, rows(target), &errs)
	for _, r := range rows(target) {
		if r.check != nil {
			errs.AddErr("", r.check(c.parts[r.name].section))
		}
	}
	return errs.Err()
}

// Check is a dry start of target: what it passes starts. Errors: every error of the
// configuration (ErrConfig), or else every key, certificate, folder and port that
// isn't as it must be. Beside a running suite it can't try the ports, which that
// one has: running names it then.
func Check(ctx context.Context, cfg Config, target string) (running string, err error) {
	if err := cfg.preflight(ctx, target); err != nil {
		return "", err
	}
	if running, err = cfg.running(rows(target)); running != "" || err != nil {
		return running, err
	}
	var errs config.Errors
	t := cfg.topology(rows(target))
	for _, err := range t.bindAll() {
		errs.AddErr("", err)
	}
	t.closeAll()
	return "", errs.Err()
}

func (c Config) checkFolders(ctx context.Context, targets []row, errs *config.Errors) {
	for _, dir := range c.folders(targets) {
		if err := probeFolder(dir); err != nil {
			errs.AddErr("data_dir", fmt.Errorf("cannot make or write %s: %w (choose a folder that you may write to with --data)", dir, err))
			return // the others are beside it
		}
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, backup.Staging)); err == nil {
		errs.Add("data_dir", "a restore into "+c.DataDir+" was interrupted: empty the folder and restore again")
	}
	if c.Store.Engine != module.EngineSQLite {
		return
	}
	for _, r := range targets {
		places, err := c.placesOf(r)
		errs.AddErr("data_dir", err)
		for _, p := range places {
			if p.Schema == nil {
				continue
			}
			if err := sqlitex.Fits(ctx, p.Path, p.Schema); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs.AddErr("data_dir", err)
				return // the others are of the same making
			}
		}
	}
}

// folders are those that the targets write in.
func (c Config) folders(targets []row) []string {
	dirs := []string{c.DataDir}
	for _, r := range targets {
		dirs = append(dirs, filepath.Join(c.DataDir, r.name))
	}
	return dirs
}

// checkTLS reads the certificate as the listener will, and its dates.
func checkTLS(c gateway.TLSConfig) error {
	if c.CertFile == "" {
		return nil
	}
	var errs config.Errors
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		errs.AddErr("gateway.tls", err)
		return errs.Err()
	}
	switch leaf, now := pair.Leaf, clock.Real().Now(); {
	case now.Before(leaf.NotBefore):
		errs.Add("gateway.tls.cert_file", "is not valid before "+leaf.NotBefore.UTC().Format(time.DateTime)+" UTC")
	case now.After(leaf.NotAfter):
		errs.Add("gateway.tls.cert_file", "has expired at "+leaf.NotAfter.UTC().Format(time.DateTime)+" UTC")
	}
	return errs.Err()
}
