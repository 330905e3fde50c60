package runner

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// reload is the unit that makes SIGHUP read again what the parts have from files that others renew (certificates). It
// never ends the process.
type reload struct {
	suite  *suite
	hangup chan os.Signal
}

func newReload(s *suite) *reload { return &reload{suite: s, hangup: make(chan os.Signal, 1)} }

func (r *reload) Name() string { return "reload" }

// Start catches the signal, which would end a process that is still starting, too.
func (r *reload) Start(context.Context) error {
	signal.Notify(r.hangup, syscall.SIGHUP)
	return nil
}

// Stop comes after every part has stopped.
func (r *reload) Stop(context.Context) error {
	signal.Stop(r.hangup)
	return nil
}

// Run waits for the signal until ctx ends.
func (r *reload) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hangup:
			r.suite.reload()
		}
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
