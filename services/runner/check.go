package runner

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"time"

	"centinela/gateway"
	"centinela/shared/clock"
	"centinela/shared/config"
)

// preflight finds, before anything starts, what a start would stumble over: in the
// configuration (ErrConfig), else in keys, certificates and folders; all of a kind
// at once. It leaves nothing behind.
func (c Config) preflight(target string) error {
	if rows(target) == nil {
		return fmt.Errorf("%w: no part is named %q", ErrConfig, target)
	}
	if err := c.Validate(target); err != nil {
		return err
	}
	var errs config.Errors
	c.checkKeys(rows(target), &errs)
	c.checkFolders(rows(target), &errs)
	for _, r := range rows(target) {
		if r.check != nil {
			errs.AddErr("", r.check(c.parts[r.name].section))
		}
	}
	return errs.Err()
}

// Check is a dry start of target: what it passes starts. Errors: every error of the
// configuration (ErrConfig), or else every key, certificate, folder and port that
// isn't as it must be.
func Check(cfg Config, target string) error {
	if err := cfg.preflight(target); err != nil {
		return err
	}
	var errs config.Errors
	t := cfg.topology(rows(target))
	for _, err := range t.bindAll() {
		errs.AddErr("", err)
	}
	t.closeAll()
	return errs.Err()
}

func (c Config) checkFolders(targets []row, errs *config.Errors) {
	for _, dir := range c.folders(targets) {
		if err := probeFolder(dir); err != nil {
			errs.AddErr("data_dir", fmt.Errorf("cannot make or write %s: %w (choose a folder that you may write to with --data)", dir, err))
			return // the others are beside it
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
