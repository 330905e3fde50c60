package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/deploy/suite"
	"centinela/shared/httpkit"
	"centinela/shared/module"
)

const (
	goalPairs   = 15_000 // deliveries/s (design: chat-relay, "How fast")
	pairWindow  = 4
	groupWindow = 32
	calmWindow  = 1024
)

// chatSide is one of those that are compared.
type chatSide struct {
	name  string
	procs []*suite.Process // the first one's CPU is the side's; the others help it
	ops   []string         // of those that -profile looks at
	open  func(i int, room string) func(ctx context.Context) (*chatSocket, error)
	own   series // CPU of the first process
	all   series // CPU of all
}

// shape is who talks to whom.
type shape struct {
	name   string
	rooms  []string
	seats  func(*chatSide) []seat
	window int
	reach  int // deliveries of a message
	goal   string
	met    func(perSecond float64) verdict
}

// measureChat compares deliveries a second, everything stored and synced before it is accepted, with a bare hub that
// stores nothing: between pairs, and from one to a group. Once past the gateway, as the hub is reached, and once through it.
func measureChat(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.splitSuite(ctx)
	if err != nil {
		return nil, err
	}
	n := b.pick(200, 40)
	people, err := s.visitors(ctx, n)
	if err != nil {
		return nil, err
	}
	direct, group, err := conversations(ctx, people)
	if err != nil {
		return nil, err
	}
	hub, address, err := b.startBaseline("hub", "hub")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, hub.Terminate()) }()

	for _, sh := range []shape{pairs(direct), fanOut(group, n)} {
		sides := []*chatSide{s.relaySide(people), hubSide(hub, address), s.gatewaySide(people)}
		got, err := b.measureShape(ctx, sh, sides)
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

func pairs(rooms []string) shape {
	return shape{
		name: fmt.Sprintf("chat, %d pairs", len(rooms)), rooms: rooms, window: pairWindow, reach: 1,
		goal: ">= 15,000/s", met: func(perSecond float64) verdict { return metLater(perSecond >= goalPairs) },
		seats: func(side *chatSide) []seat {
			var out []seat
			for i, room := range rooms {
				for j := range 2 {
					out = append(out, seat{room: i, sender: true, timed: true, open: side.open(2*i+j, room)})
				}
			}
			return out
		},
	}
}

func fanOut(room string, n int) shape {
	return shape{
		name: fmt.Sprintf("chat, 1 to %d", n-1), rooms: []string{room}, window: groupWindow, reach: n - 1,
		seats: func(side *chatSide) []seat {
			var out []seat
			for i := range n {
				out = append(out, seat{sender: i == 0, timed: i%8 == 1, open: side.open(i, room)})
			}
			return out
		},
	}
}

// relaySide reaches the relay as the gateway does, past the gateway.
func (s *split) relaySide(people []visitor) *chatSide {
	relay := s.Process(module.ChatRelay)
	procs := []*suite.Process{relay}
	for _, p := range s.Processes() {
		if p != relay {
			procs = append(procs, p)
		}
	}
	return &chatSide{name: "relay", procs: procs, ops: []string{s.Ops(module.ChatRelay), s.Ops(module.Audit)}, open: func(i int, _ string) func(context.Context) (*chatSocket, error) {
		return func(ctx context.Context) (*chatSocket, error) { return s.dialRelay(ctx, people[i].token, i) }
	}}
}

func (s *split) dialRelay(ctx context.Context, token string, i int) (*chatSocket, error) {
	service, err := s.signer.Token(module.ChatRelay)
	if err != nil {
		return nil, err
	}
	return dialChat(ctx, "ws://"+s.Address(module.ChatRelay)+"/v1/chat", http.Header{
		"Authorization": {"Bearer " + token}, httpkit.HeaderService: {service}, httpkit.HeaderClientAddress: {addressOf(i)},
	}, true)
}

func (s *split) gatewaySide(people []visitor) *chatSide {
	return &chatSide{name: "gateway", procs: s.Processes(), ops: []string{s.Ops(module.Gateway)}, open: func(i int, _ string) func(context.Context) (*chatSocket, error) {
		return func(ctx context.Context) (*chatSocket, error) { return s.dialGateway(ctx, people[i].token, i) }
	}}
}

func (s *split) dialGateway(ctx context.Context, token string, i int) (*chatSocket, error) {
	return dialChat(ctx, "ws://"+s.Address(module.Gateway)+"/v1/chat", http.Header{
		"Authorization": {"Bearer " + token}, httpkit.HeaderDevAddress: {addressOf(i)},
	}, true)
}

func hubSide(hub *suite.Process, address string) *chatSide {
	return &chatSide{name: "hub", procs: []*suite.Process{hub}, open: func(_ int, room string) func(context.Context) (*chatSocket, error) {
		return func(ctx context.Context) (*chatSocket, error) { return dialHub(ctx, address, room) }
	}}
}

func dialHub(ctx context.Context, address, room string) (*chatSocket, error) {
	return dialChat(ctx, "ws://"+address+"/?room="+room, nil, false)
}

func (b *bench) measureShape(ctx context.Context, sh shape, sides []*chatSide) ([]row, error) {
	for range b.pick(3, 1) {
		for _, side := range sides {
			if err := side.flood(ctx, b, sh); err != nil {
				return nil, fmt.Errorf("%s: %w", side.name, err)
			}
		}
	}
	relay, hub, through := sides[0], sides[1], sides[2]
	rate := median(relay.own.rate) / float64(sh.reach) / 2
	b.say("%s: %.0f deliveries/s (hub %.0f); now %.0f messages/s", sh.name, median(relay.own.rate), median(hub.own.rate), rate)
	for range b.pick(2, 1) {
		for _, side := range sides {
			if err := side.pace(ctx, b, sh, rate); err != nil {
				return nil, fmt.Errorf("%s, calm: %w", side.name, err)
			}
		}
	}
	first := row{name: sh.name + ": deliveries", unit: "1/s", ours: median(relay.own.rate), baseline: median(hub.own.rate), ratio: median(ratios(relay.own.rate, hub.own.rate)), goal: sh.goal}
	if sh.met != nil {
		first.met = sh.met(first.ours)
	}
	per := func(cpu []float64) float64 { return median(cpu) * 100_000 }
	return []row{
		first,
		{name: "  CPU of the relay a 100,000", unit: "s", ours: per(relay.own.cpu), baseline: per(hub.own.cpu)},
		{name: "  CPU of the whole suite a 100,000", unit: "s", ours: per(relay.all.cpu), baseline: per(hub.all.cpu)},
		{name: "  p50 at half of our most", unit: "µs", ours: micros(median(relay.own.p50)), baseline: micros(median(hub.own.p50))},
		{name: "  p99 at half of our most", unit: "µs", ours: micros(median(relay.own.p99)), baseline: micros(median(hub.own.p99))},
		{name: "  through the gateway: deliveries", unit: "1/s", ours: median(through.own.rate), baseline: median(hub.own.rate), ratio: median(ratios(through.own.rate, hub.own.rate))},
		{name: "  through the gateway: CPU of all a 100,000", unit: "s", ours: per(through.all.cpu), baseline: per(hub.all.cpu)},
		{name: "  through the gateway: p99", unit: "µs", ours: micros(median(through.own.p99)), baseline: micros(median(hub.own.p99))},
	}, nil
}

// flood is one slice at full speed, on fresh sockets. What is shipped to audit afterwards counts as CPU.
func (side *chatSide) flood(ctx context.Context, b *bench, sh shape) error {
	c, err := gather(ctx, sh.rooms, sh.seats(side), sh.window)
	if err != nil {
		return err
	}
	defer c.leave()
	if _, err := settle(ctx, side.procs...); err != nil {
		return err
	}
	own, err1 := side.procs[0].CPU()
	all, err2 := cpuOf(side.procs...)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var deliveries int
	var took time.Duration
	length := time.Duration(b.pick(2000, 700)) * time.Millisecond
	err = b.captured(ctx, fmt.Sprintf("chat-%d-%s", sh.reach, side.name), side.ops, length, func() (err error) {
		deliveries, took, err = c.flood(length)
		return err
	})
	if err != nil {
		return err
	}
	allAfter, err := settle(ctx, side.procs...)
	if err != nil {
		return err
	}
	ownAfter, err := side.procs[0].CPU()
	if err != nil {
		return err
	}
	side.own.add(deliveries, took, ownAfter-own)
	side.all.add(deliveries, took, allAfter-all)
	return nil
}

// pace is one slice at a rate that leaves room.
func (side *chatSide) pace(ctx context.Context, b *bench, sh shape, perSecond float64) error {
	c, err := gather(ctx, sh.rooms, sh.seats(side), calmWindow)
	if err != nil {
		return err
	}
	defer c.leave()
	if _, err := settle(ctx, side.procs...); err != nil {
		return err
	}
	latencies, err := c.pace(perSecond, time.Duration(b.pick(2000, 700))*time.Millisecond)
	if err != nil {
		return err
	}
	side.own.addLatencies(latencies)
	_, err = settle(ctx, side.procs...)
	return err
}
