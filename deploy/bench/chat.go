package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/deploy/suite"
	"centinela/shared/module"
)

// chatSide is one of those that are compared.
type chatSide struct {
	name     string
	procs    []*suite.Process // the first one's CPU is the side's; the others help it
	open     func(ctx context.Context, i int, room string) (*chatSocket, error)
	own, all series // with the CPU of the first process, and of all
}

// shape is who talks to whom.
type shape struct {
	name   string
	rooms  []string
	seats  []seat
	window int // messages of a sender on the way, at full speed
	reach  int // deliveries of a message
	goal   goal
}

// measureChat compares deliveries a second, everything stored and synced before it is accepted, with a bare hub that
// stores nothing: between pairs, and from one to a group. Once past the gateway, as the hub is reached, and once through it.
func measureChat(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.splitSuite(ctx)
	if err != nil {
		return nil, err
	}
	people, err := s.visitors(ctx, b.pick(200, 40))
	if err != nil {
		return nil, err
	}
	direct, group, err := conversations(ctx, people)
	if err != nil {
		return nil, err
	}
	hub, err := b.startBaseline("hub", "hub")
	if err != nil {
		return nil, err
	}
	through := func(past bool) func(ctx context.Context, i int, _ string) (*chatSocket, error) {
		return func(ctx context.Context, i int, _ string) (*chatSocket, error) {
			return s.dial(ctx, people[i].token, i, past)
		}
	}
	relay := s.Process(module.ChatRelay)
	others := slices.DeleteFunc(s.Processes(), func(p *suite.Process) bool { return p == relay })
	var rows []row
	for _, sh := range []shape{pairs(direct), fanOut(group, len(people))} {
		got, err := b.measureShape(ctx, sh,
			&chatSide{name: "relay", procs: append([]*suite.Process{relay}, others...), open: through(true)},
			&chatSide{name: "hub", procs: []*suite.Process{hub.Process}, open: func(ctx context.Context, _ int, room string) (*chatSocket, error) { return hub.dial(ctx, room) }},
			&chatSide{name: "gateway", procs: s.Processes(), open: through(false)},
		)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", sh.name, err)
		}
		rows = append(rows, got...)
	}
	return rows, nil
}

// conversations makes one for each two neighbours, and one for all.
func conversations(ctx context.Context, people []visitor) (direct []string, group string, err error) {
	direct = make([]string, len(people)/2)
	calls, callCtx := errgroup.WithContext(ctx)
	calls.SetLimit(4)
	for i := range direct {
		calls.Go(func() error {
			c, err := people[2*i].session.Conversations().Direct(callCtx, people[2*i+1].name)
			direct[i] = c.Id
			return err
		})
	}
	if err := calls.Wait(); err != nil {
		return nil, "", fmt.Errorf("conversations: %w", err)
	}
	var others []string
	for _, v := range people[1:] {
		others = append(others, v.name)
	}
	c, err := people[0].session.Conversations().Group(ctx, "everybody", others...)
	if err != nil {
		return nil, "", fmt.Errorf("group: %w", err)
	}
	return direct, c.Id, nil
}

// pairs are neighbours, each of whom sends to the other.
func pairs(rooms []string) shape {
	sh := shape{name: fmt.Sprintf("chat, %d pairs", len(rooms)), rooms: rooms, window: 4, reach: 1, goal: goal{limit: 15_000, atLeast: true, later: true}}
	for i := range rooms {
		for range 2 {
			sh.seats = append(sh.seats, seat{room: i, sender: true, timed: true})
		}
	}
	return sh
}

// fanOut is one who sends to n-1 others.
func fanOut(room string, n int) shape {
	sh := shape{name: fmt.Sprintf("chat, 1 to %d", n-1), rooms: []string{room}, window: 32, reach: n - 1}
	for i := range n {
		sh.seats = append(sh.seats, seat{sender: i == 0, timed: i%8 == 1})
	}
	return sh
}

func (b *bench) measureShape(ctx context.Context, sh shape, relay, hub, through *chatSide) ([]row, error) {
	rounds := func(n int, perSecond float64) error {
		for range n {
			for _, side := range []*chatSide{relay, hub, through} {
				if err := side.slice(ctx, b, sh, perSecond); err != nil {
					return fmt.Errorf("%s: %w", side.name, err)
				}
			}
		}
		return nil
	}
	if err := rounds(b.pick(3, 1), 0); err != nil {
		return nil, err
	}
	rate := median(relay.own.rate) / float64(sh.reach) / 2
	b.say("%s: %.0f deliveries/s (hub %.0f); now %.0f messages/s", sh.name, median(relay.own.rate), median(hub.own.rate), rate)
	if err := rounds(b.pick(2, 1), rate); err != nil {
		return nil, fmt.Errorf("calm: %w", err)
	}
	return []row{
		compare(sh.name+": deliveries", "1/s", relay.own.rate, hub.own.rate).aims(sh.goal),
		compare("  CPU of the relay a delivery", "µs", relay.own.cpu, hub.own.cpu),
		compare("  CPU of the whole suite a delivery", "µs", relay.all.cpu, hub.all.cpu),
		compare("  p50 at half of our most", "µs", relay.own.p50, hub.own.p50),
		compare("  p99 at half of our most", "µs", relay.own.p99, hub.own.p99),
		compare("  through the gateway: deliveries", "1/s", through.own.rate, hub.own.rate),
		compare("  through the gateway: CPU of all a delivery", "µs", through.all.cpu, hub.all.cpu),
		compare("  through the gateway: p99", "µs", through.own.p99, hub.own.p99),
	}, nil
}

// slice is one on fresh sockets: at full speed, where what is shipped to audit afterwards counts as CPU, or, for
// latencies, with so many messages a second that there is room.
func (side *chatSide) slice(ctx context.Context, b *bench, sh shape, perSecond float64) error {
	window, length := sh.window, time.Duration(b.pick(2000, 700))*time.Millisecond
	if perSecond > 0 {
		window = 1024 // it only runs out when the server stands still
	}
	c, err := gather(ctx, side.open, sh.rooms, sh.seats, window)
	if err != nil {
		return err
	}
	defer c.leave()
	all, err := settle(ctx, side.procs...)
	if err != nil {
		return err
	}
	if perSecond > 0 {
		latencies, err := c.pace(perSecond, length)
		side.own.addLatencies(latencies)
		return err
	}
	own, err := side.procs[0].CPU()
	if err != nil {
		return err
	}
	deliveries, took, err := c.flood(length)
	if err != nil {
		return err
	}
	allAfter, err := settle(ctx, side.procs...)
	if err != nil {
		return err
	}
	ownAfter, err := side.procs[0].CPU()
	side.own.add(deliveries, took, ownAfter-own)
	side.all.add(deliveries, took, allAfter-all)
	return err
}
