package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
)

// cpuProfile fetches a CPU profile of the next whole seconds from an operations listener.
func cpuProfile(ctx context.Context, ops string, d time.Duration) ([]byte, error) {
	return fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", ops, max(1, int(d.Seconds()))))
}

// keepHeaps keeps, with -profile, a heap profile of each process.
func (b *bench) keepHeaps(ctx context.Context, of []watched) error {
	if b.profiles == "" {
		return nil
	}
	for _, w := range of {
		profile, err := fetch(ctx, "http://"+w.ops+"/debug/pprof/heap?gc=1")
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.profiles, fmt.Sprintf("heap-%s-%d.pprof", w.Name, len(of))), profile, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// captured runs a slice of the length d and, with -profile, keeps a CPU profile of the process behind each operations
// listener meanwhile, for `go tool pprof`. The last slice's is kept. It costs a little: don't quote numbers of such a run.
func (b *bench) captured(ctx context.Context, name string, ops []string, d time.Duration, slice func() error) error {
	if b.profiles == "" {
		return slice()
	}
	group, profileCtx := errgroup.WithContext(ctx)
	for i, address := range ops {
		group.Go(func() error {
			profile, err := cpuProfile(profileCtx, address, d)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(b.profiles, fmt.Sprintf("%s-%d.pprof", name, i)), profile, 0o600)
		})
	}
	err := slice()
	if failed := group.Wait(); err == nil {
		err = failed
	}
	return err
}
