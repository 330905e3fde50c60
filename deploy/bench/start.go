package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

const mib = 1 << 20

// measureStart times the suite from the start of the process in an empty folder until /readyz says so, beside the
// binary's own start (`version`); then what it keeps in memory when nobody comes, beside a bare proxy.
func measureStart(ctx context.Context, b *bench) ([]row, error) {
	info, err := os.Stat(b.binary)
	if err != nil {
		return nil, err
	}
	var starts, bare, memory []float64
	for i := range b.pick(7, 3) {
		began := time.Now()
		if said, err := exec.CommandContext(ctx, b.binary, "version").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("version: %w\n%s", err, said)
		}
		bare = append(bare, micros(time.Since(began))/1000)
		ms, idle, err := b.startOnce(ctx, fmt.Sprintf("start%d", i))
		if err != nil {
			return nil, err
		}
		starts, memory = append(starts, ms), append(memory, idle)
	}
	plain, err := b.bareMemory(ctx)
	return []row{
		compare("start: empty folder until ready", "ms", starts, bare).aims(goal{limit: 1500}),
		{name: "idle: memory resident", unit: "MiB", ours: median(memory), baseline: plain, goal: goal{limit: 150}},
		{name: "binary: size", unit: "MiB", ours: float64(info.Size()) / mib, goal: goal{limit: 80}},
	}, err
}

// startOnce returns the milliseconds until ready, and the idle memory in MiB.
func (b *bench) startOnce(ctx context.Context, name string) (ms, idle float64, err error) {
	began := time.Now()
	w, err := b.startWhole(ctx, name)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	ms = micros(time.Since(began)) / 1000
	if err := pause(ctx, time.Duration(b.pick(3, 1))*time.Second); err != nil {
		return 0, 0, err
	}
	bytes, err := w.Process(all).Resident()
	return ms, bytes / mib, err
}

func (b *bench) bareMemory(ctx context.Context) (mebibytes float64, _ error) {
	p, err := b.startBaseline("idle", "gin", "127.0.0.1:9")
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, time.Second); err != nil {
		return 0, err
	}
	bytes, err := p.Resident()
	return bytes / mib, err
}
