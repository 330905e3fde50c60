package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const (
	goalStart  = 1500 // ms
	goalMemory = 150  // MiB
	goalBinary = 80   // MiB
	mib        = 1 << 20
)

// measureStart times the suite from the start of the process in an empty folder until /readyz says so, beside the
// binary's own start (`version`); then what it keeps in memory when nobody comes, beside a bare proxy.
func measureStart(ctx context.Context, b *bench) ([]row, error) {
	info, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	var starts, bare, memory []float64
	rounds := b.pick(7, 3)
	for i := range rounds {
		began := time.Now()
		if said, err := exec.CommandContext(ctx, b.binary, "version").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("version: %w\n%s", err, said)
		}
		bare = append(bare, time.Since(began).Seconds()*1000)
		took, idle, err := b.startOnce(ctx, fmt.Sprintf("start%d", i), i >= rounds-b.pick(3, 1))
		if err != nil {
			return nil, err
		}
		starts = append(starts, took)
		memory = append(memory, idle...)
	}
	plain, err := b.bareMemory(ctx)
	if err != nil {
		return nil, err
	}
	size := float64(info.Size()) / mib
	return []row{
		{name: "start: empty folder until ready", unit: "ms", ours: median(starts), baseline: median(bare), goal: "<= 1500 ms", met: met(median(starts) <= goalStart)},
		{name: "idle: memory resident", unit: "MiB", ours: median(memory), baseline: plain, goal: "<= 150 MiB", met: met(median(memory) <= goalMemory)},
		{name: "binary: size", unit: "MiB", ours: size, goal: "<= 80 MiB", met: met(size <= goalBinary)},
	}, nil
}

// startOnce returns the milliseconds until ready, and the idle memory in MiB when asked for.
func (b *bench) startOnce(ctx context.Context, name string, rest bool) (ms float64, idle []float64, err error) {
	began := time.Now()
	w, err := b.startWhole(ctx, name)
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	ms = time.Since(began).Seconds() * 1000
	if !rest {
		return ms, nil, nil
	}
	if err := pause(ctx, time.Duration(b.pick(5, 2))*time.Second); err != nil {
		return 0, nil, err
	}
	bytes, err := w.Process(all).Resident()
	return ms, []float64{bytes / mib}, err
}

func (b *bench) bareMemory(ctx context.Context) (mebibytes float64, err error) {
	p, _, err := b.startBaseline("idle", "gin", "127.0.0.1:9")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, p.Terminate()) }()
	if err := pause(ctx, time.Second); err != nil {
		return 0, err
	}
	bytes, err := p.Resident()
	return bytes / mib, err
}
