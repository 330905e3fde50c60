package runner

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"centinela/shared/lifecycle"
)

// hangup is the unit that makes SIGHUP read again what the parts have from files that others renew (certificates). It
// never ends the process, not even one that is still starting.
func (s *suite) hangup() lifecycle.Unit {
	signals := make(chan os.Signal, 1)
	return lifecycle.Unit{
		Name:  "reload",
		Start: func(context.Context) error { signal.Notify(signals, syscall.SIGHUP); return nil },
		Run: func(ctx context.Context) error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case <-signals:
					s.reload()
				}
			}
		},
		Stop: func(context.Context) error { signal.Stop(signals); return nil },
	}
}

// reload asks every part that has something to read again. What can't be read stays as it is.
func (s *suite) reload() {
	s.log.Info("SIGHUP: reading files again")
	for _, p := range s.parts {
		if again, ok := p.module.(interface{ Reload() error }); ok {
			if err := again.Reload(); err != nil {
				s.log.Warn("a file could not be read again: what it held before stays in force", slog.String("part", p.name), slog.Any("error", err))
			}
		}
	}
}
