package firewall

import (
	"context"
	"time"
)

// NoVersion is the since of a follower that knows nothing.
const NoVersion = -1

// Watch answers a follower at version since: at once when there is something
// newer (or a snapshot is due), else when there is, or with no changes after
// wait. It returns early when the service stops or ctx ends (ctx's error).
func (f *Firewall) Watch(ctx context.Context, since int64, wait time.Duration) (Changes, error) {
	timer := time.NewTimer(wait) // the caller's patience is real time
	defer timer.Stop()
	for {
		wake, stopped := f.waiter()
		version, err := f.store.VerdictVersion(ctx)
		if err != nil {
			return Changes{}, err
		}
		if version != since || wait == 0 || stopped {
			return f.store.Changes(ctx, f.clock.Now(), since)
		}
		select {
		case <-wake:
		case <-timer.C:
			wait = 0
		case <-ctx.Done():
			return Changes{}, ctx.Err()
		}
	}
}

// waiter is taken before the version is read, so that no change falls between.
func (f *Firewall) waiter() (wake <-chan struct{}, stopped bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wake, f.stopped
}

// announce wakes all who watch, and whoever ships the events.
func (f *Firewall) announce() {
	f.wakeAll(false)
	f.changed()
}

func (f *Firewall) wakeAll(stop bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	close(f.wake)
	f.wake = make(chan struct{})
	f.stopped = stop
}

// Release answers all who watch, now and from now on: the service stops.
func (f *Firewall) Release() { f.wakeAll(true) }

// Run sweeps each minute and notices what other instances change, until ctx
// ends. After a panic it may be called again: those who watch wait on meanwhile.
func (f *Firewall) Run(ctx context.Context) error {
	sweep, poll := time.NewTicker(sweepInterval), time.NewTicker(pollInterval) // they pace work, the clock decides
	defer sweep.Stop()
	defer poll.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			f.Release()
			return nil
		case <-sweep.C:
			err = f.Sweep(ctx)
		case <-poll.C:
			err = f.look(ctx)
		}
		if err != nil && ctx.Err() == nil {
			f.log.Warn("audit: verdicts not swept or looked at, trying again", "error", err.Error())
		}
	}
}

// Sweep deletes what is over. Expiry itself doesn't wait for it.
func (f *Firewall) Sweep(ctx context.Context) error {
	now := f.clock.Now()
	if _, err := f.store.SweepVerdicts(ctx, now, now.Add(-tombstoneLife)); err != nil {
		return err
	}
	return f.recount(ctx)
}

func (f *Firewall) look(ctx context.Context) error {
	version, err := f.store.VerdictVersion(ctx)
	if err != nil {
		return err
	}
	if f.latest.Swap(version) != version {
		f.wakeAll(false)
	}
	return nil
}
