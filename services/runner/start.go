package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"runtime"
)

// sayStart logs the one line that says what was started. The hash tells whether two processes run with the same
// configuration; secrets have no part in it.
func sayStart(log *slog.Logger, cfg Config, target, version string) {
	log.Info("starting", slog.String("target", target), slog.String("version", version), slog.String("profile", cfg.Profile),
		slog.String("store", cfg.Store.Engine), slog.String("config", configHash(cfg)), slog.String("go", runtime.Version()))
}

func configHash(cfg Config) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", cfg))
	return hex.EncodeToString(sum[:6])
}
