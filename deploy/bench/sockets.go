package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/shared/module"
)

const (
	socketPeople = 10
	kib          = 1 << 10
)

// measureSockets opens idle sockets, authenticated and greeted, and divides what the processes' memory grew by: the
// relay's reached past the gateway, and both processes' through it, beside a bare gorilla hub.
func measureSockets(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.splitSuite(ctx)
	if err != nil {
		return nil, err
	}
	people, err := s.visitors(ctx, socketPeople)
	if err != nil {
		return nil, err
	}
	hub, err := b.startBaseline("idle-hub", "hub")
	if err != nil {
		return nil, err
	}
	bare, err := b.growth(ctx, []server{hub}, func(ctx context.Context, i int) (*chatSocket, error) {
		return hub.dial(ctx, strconv.Itoa(i))
	})
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	var grown [2][]memory
	for i, past := range []bool{true, false} {
		services := []string{module.ChatRelay, module.Gateway}[:i+1]
		if err := s.renew(ctx, services...); err != nil {
			return nil, err
		}
		grown[i], err = b.growth(ctx, s.watch(services...), func(ctx context.Context, i int) (*chatSocket, error) {
			return s.dial(ctx, people[i%len(people)].token, i, past)
		})
		if err != nil {
			return nil, fmt.Errorf("%v: %w", services, err)
		}
	}
	direct, through := grown[0], grown[1]
	last := len(direct) - 1
	var rows []row
	for i, at := range b.crowds() {
		rows = append(rows, row{name: fmt.Sprintf("socket, idle: resident, at %d", at), unit: "KiB", ours: direct[i].resident, baseline: bare[i].resident})
	}
	rows[last].goal = goal{limit: 20}
	return append(
		rows,
		row{name: "  heap and stacks in use", unit: "KiB", ours: direct[last].live, baseline: bare[last].live},
		row{name: "  through the gateway, both processes: resident", unit: "KiB", ours: through[last].resident, baseline: bare[last].resident, goal: goal{limit: 60}},
		row{name: "  through the gateway: heap and stacks in use", unit: "KiB", ours: through[last].live, baseline: bare[last].live},
	), nil
}

// crowds are the numbers of sockets at which memory is looked at.
func (b *bench) crowds() []int {
	if b.quick {
		return []int{500}
	}
	return []int{1000, 3000}
}

// memory in KiB.
type memory struct{ resident, live float64 }

// growth opens sockets, and returns at each number of them what one costs.
func (b *bench) growth(ctx context.Context, of []server, open func(ctx context.Context, i int) (*chatSocket, error)) ([]memory, error) {
	var sockets []*chatSocket
	defer func() {
		for _, s := range sockets {
			s.close()
		}
	}()
	grow := func(n int) (memory, error) {
		from := len(sockets)
		sockets = append(sockets, make([]*chatSocket, n-from)...)
		group, dialCtx := errgroup.WithContext(ctx)
		group.SetLimit(32)
		for i := from; i < n; i++ {
			group.Go(func() (err error) {
				sockets[i], err = open(dialCtx, i)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return memory{}, err
		}
		return memoryOf(ctx, of)
	}
	// A few first: pools, caches and connections between services are not what a socket costs.
	const first = 50
	before, err := grow(first)
	if err != nil {
		return nil, err
	}
	var out []memory
	for _, n := range b.crowds() {
		now, err := grow(first + n)
		if err != nil {
			return nil, err
		}
		out = append(out, memory{(now.resident - before.resident) / float64(n), (now.live - before.live) / float64(n)})
	}
	return out, nil
}

// memoryOf collects garbage and looks.
func memoryOf(ctx context.Context, of []server) (memory, error) {
	var sum memory
	for _, w := range of {
		var profile []byte
		for range 2 { // the second collection frees what the first one's finalizers let go
			var err error
			if profile, err = fetch(ctx, http.MethodGet, "http://"+w.address+"/debug/pprof/heap?gc=1&debug=1"); err != nil {
				return memory{}, err
			}
		}
		live, err := liveBytes(string(profile))
		if err != nil {
			return memory{}, fmt.Errorf("%s: %w", w.Name, err)
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return memory{}, err
		}
		resident, err := w.Resident()
		if err != nil {
			return memory{}, err
		}
		sum.resident += resident / kib
		sum.live += live / kib
	}
	return sum, nil
}

// liveBytes reads heap and stacks in use from the runtime.MemStats at the end of a heap profile in text form.
func liveBytes(profile string) (float64, error) {
	var heap, stack float64
	for line := range strings.Lines(profile) {
		_, _ = fmt.Sscanf(line, "# HeapAlloc = %f", &heap) // most lines are others
		_, _ = fmt.Sscanf(line, "# Stack = %f /", &stack)
	}
	if heap == 0 || stack == 0 {
		return 0, errors.New("a heap profile without HeapAlloc or Stack")
	}
	return heap + stack, nil
}
