package firewall

import (
	"context"
	"time"

	"centinela/shared/cursor"
	"centinela/shared/verdicts"
)

// pageSize bounds a page of the feed: some 300 KiB.
const pageSize = 1000

// feedCursor is how far a follower is.
type feedCursor struct {
	Epoch   string `json:"e"`
	Version int64  `json:"v"`
	// Start is set while the follower reads everything: the newest version when it
	// began. What was removed later it may have been given before.
	Start *int64 `json:"s,omitempty"`
}

// Watch answers a follower behind a cursor ("" for one that knows nothing): at once
// when there is something newer, else when there is, or with nothing after wait. It
// returns early when the service stops or ctx ends (ctx's error). A cursor that
// isn't of this database's life, or too old to know of every removal, is answered
// with the first page of everything.
func (f *Firewall) Watch(ctx context.Context, from string, wait time.Duration) (verdicts.Page, error) {
	timer := time.NewTimer(wait) // the caller's patience is real time
	defer timer.Stop()
	for {
		wake, stopped := f.waiter()
		page, err := f.page(ctx, from)
		if err != nil {
			return verdicts.Page{}, err
		}
		if page.Snapshot || page.More || page.Cursor != from || wait == 0 || stopped {
			return page, nil
		}
		select {
		case <-wake:
		case <-timer.C:
			wait = 0
		case <-ctx.Done():
			return verdicts.Page{}, ctx.Err()
		}
	}
}

// page is what there is behind a cursor now.
func (f *Firewall) page(ctx context.Context, from string) (verdicts.Page, error) {
	there, err := f.store.VerdictVersions(ctx)
	if err != nil {
		return verdicts.Page{}, err
	}
	newest := there.Newest
	var at feedCursor
	known := from != "" && cursor.Decode(from, &at) == nil && at.Epoch == there.Epoch
	since := at.Version
	if at.Start != nil {
		since = *at.Start
	}
	if !known || since < there.Floor || at.Version < 0 || since > newest {
		at = feedCursor{Epoch: there.Epoch, Start: &newest}
		known = false
	}
	changes, err := f.store.Changes(ctx, at.Version, pageSize)
	if err != nil {
		return verdicts.Page{}, err
	}
	page := verdicts.Page{Snapshot: !known, More: len(changes) == pageSize}
	now := f.clock.Now()
	for _, v := range changes {
		at.Version = v.Version
		switch {
		case v.Removed:
			if at.Start == nil || v.Version > *at.Start {
				page.Removed = append(page.Removed, v.ID)
			}
		case v.Until.After(now):
			page.Verdicts = append(page.Verdicts, v.Verdict)
		}
	}
	if !page.More {
		// What was swept at the end has no row: the newest version is where everybody is.
		at = feedCursor{Epoch: there.Epoch, Version: max(at.Version, newest)}
	}
	page.Cursor = cursor.Encode(at)
	return page, nil
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

// Sweep deletes what is over, in pieces with a pause between, so that no writer
// waits for long. Expiry itself doesn't wait for it.
func (f *Firewall) Sweep(ctx context.Context) error {
	for {
		now := f.clock.Now()
		n, err := f.store.SweepVerdicts(ctx, now, now.Add(-tombstoneLife), sweepPiece)
		if err != nil {
			return err
		}
		if n < sweepPiece {
			return f.recount(ctx)
		}
		pause := time.NewTimer(sweepPause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
}

func (f *Firewall) look(ctx context.Context) error {
	there, err := f.store.VerdictVersions(ctx)
	if err != nil {
		return err
	}
	if f.latest.Swap(there.Newest) != there.Newest {
		f.wakeAll(false)
	}
	return nil
}
