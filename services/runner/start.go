package runner

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"runtime"
)

// sayStart logs the one line that says what was started.
func (s *suite) sayStart(target, version string) {
	s.log.Info("starting", slog.String("target", target), slog.String("version", version), slog.String("profile", s.cfg.Profile),
		slog.String("store", s.cfg.Store.Engine), slog.String("config", s.cfg.hash()), slog.String("go", runtime.Version()))
}

// hash tells whether two processes run with the same configuration. Secrets have
// no part in it.
func (c Config) hash() string {
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil {
		return "unknown"
	}
	sum := sha256.Sum256(printed.Bytes())
	return hex.EncodeToString(sum[:6])
}
