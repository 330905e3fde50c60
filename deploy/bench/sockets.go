package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/deploy/suite"
	"centinela/shared/module"
)

const (
	goalSocket    = 20 // KiB (design: chat-relay, "How fast")
	goalThrough   = 60 // KiB of both processes
	socketPeople  = 10
	kib           = 1 << 10
	dialersAtOnce = 32
)

// measureSockets opens idle sockets, authenticated and greeted, and divides what the processes' memory grew by: the
// relay's reached past the gateway, and both processes' through it, beside a bare gorilla hub.
func measureSockets(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.splitSuite(ctx)
	if err != nil {
		return nil, err
	}
	people, err := s.visitors(ctx, socketPeople)
	if err != nil {
		return nil, err
	}
	hub, address, err := b.startBaseline("idle-hub", "hub")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hub.Terminate()) }()
	bare, err := b.growth(ctx, []watched{{hub, address}}, func(ctx context.Context, i int) (*chatSocket, error) {
		return dialHub(ctx, address, strconv.Itoa(i))
	})
	if err != nil {
		return nil, fmt.Errorf("hub: %w", err)
	}
	if err := s.renew(ctx, module.ChatRelay); err != nil {
		return nil, err
	}
	direct, err := b.growth(ctx, s.watch(module.ChatRelay), func(ctx context.Context, i int) (*chatSocket, error) {
		return s.dialRelay(ctx, people[i%len(people)].token, i)
	})
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	for _, service := range []string{module.ChatRelay, module.Gateway} {
		if err := s.renew(ctx, service); err != nil {
			return nil, err
		}
	}
	through, err := b.growth(ctx, s.watch(module.ChatRelay, module.Gateway), func(ctx context.Context, i int) (*chatSocket, error) {
		return s.dialGateway(ctx, people[i%len(people)].token, i)
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	last := len(direct) - 1
	for i, at := range b.crowds() {
		r := row{name: fmt.Sprintf("socket, idle: resident, at %d", at), unit: "KiB", ours: direct[i].resident, baseline: bare[i].resident}
		if i == last {
			r.goal, r.met = "<= 20 KiB", met(r.ours <= goalSocket)
		}
		rows = append(rows, r)
	}
	return append(
		rows,
		row{name: "  heap and stacks in use", unit: "KiB", ours: direct[last].live, baseline: bare[last].live},
		row{
			name: "  through the gateway, both processes: resident", unit: "KiB", ours: through[last].resident, baseline: bare[last].resident,
			goal: "<= 60 KiB", met: met(through[last].resident <= goalThrough),
		},
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

// watched is a process whose memory is looked at, and where its profiles are.
type watched struct {
	*suite.Process
	ops string
}

func (s *split) watch(services ...string) []watched {
	var out []watched
	for _, service := range services {
		out = append(out, watched{s.Process(service), s.Ops(service)})
	}
	return out
}

// memory in KiB.
type memory struct{ resident, live float64 }

// growth opens sockets, and returns at each number of them what one costs.
func (b *bench) growth(ctx context.Context, of []watched, open func(ctx context.Context, i int) (*chatSocket, error)) ([]memory, error) {
	var sockets []*chatSocket
	defer func() {
		for _, s := range sockets {
			if s != nil {
				_ = s.conn.Close() // the server sees it
			}
		}
	}()
	// A few first: pools, caches and connections between services are not what a socket costs.
	grow := func(n int) error {
		from := len(sockets)
		sockets = append(sockets, make([]*chatSocket, n-from)...)
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(dialersAtOnce)
		for i := from; i < n; i++ {
			group.Go(func() (err error) {
				sockets[i], err = open(ctx, i)
				return err
			})
		}
		return group.Wait()
	}
	const first = 50
	if err := grow(first); err != nil {
		return nil, err
	}
	before, err := memoryOf(ctx, of)
	if err != nil {
		return nil, err
	}
	var out []memory
	for _, n := range b.crowds() {
		if err := grow(first + n); err != nil {
			return nil, err
		}
		now, err := memoryOf(ctx, of)
		if err != nil {
			return nil, err
		}
		out = append(out, memory{(now.resident - before.resident) / float64(n), (now.live - before.live) / float64(n)})
	}
	return out, b.keepHeaps(ctx, of)
}

// memoryOf collects garbage and looks.
func memoryOf(ctx context.Context, of []watched) (memory, error) {
	var sum memory
	for _, w := range of {
		var profile []byte
		for range 2 { // the second collection frees what the first one's finalizers let go
			var err error
			if profile, err = fetch(ctx, "http://"+w.ops+"/debug/pprof/heap?gc=1&debug=1"); err != nil {
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
	var err1, err2 error
	for line := range strings.Lines(profile) {
		if v, ok := strings.CutPrefix(line, "# HeapAlloc = "); ok {
			heap, err1 = strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
		if v, ok := strings.CutPrefix(line, "# Stack = "); ok {
			inUse, _, _ := strings.Cut(v, " / ")
			stack, err2 = strconv.ParseFloat(strings.TrimSpace(inUse), 64)
		}
	}
	if heap == 0 || stack == 0 {
		return 0, errors.Join(errors.New("a heap profile without HeapAlloc or Stack"), err1, err2)
	}
	return heap + stack, nil
}
