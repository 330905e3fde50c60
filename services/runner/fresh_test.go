package runner

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"centinela/shared/module"
)

// TestOneFreshSignIn: auth.sign_in.fresh is what every part is given, also one
// that runs alone (KA W4: one age of a sign-in for the whole product).
func TestOneFreshSignIn(t *testing.T) {
	cfg := load(t, "data_dir="+t.TempDir(), "services.recovery.listen=127.0.0.1:0", "ops.listen=127.0.0.1:0", "services.recovery.ops=127.0.0.1:0", "auth.sign_in.fresh=30m")
	s, err := prepare(cfg, module.Recovery, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.topology.bound {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	deps, err := s.deps(rows(module.Recovery)[0], slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil || deps.FreshSignIn != 30*time.Minute {
		t.Errorf("%s, %v", deps.FreshSignIn, err)
	}
}
