package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// tooFar is how many messages the slowest reader may be behind its sender: past the suite's queue of 256 it would
	// be closed as slow, which is right and not what is measured.
	tooFar = 64
	// patience is how long the last messages may take to arrive.
	patience = 30 * time.Second
)

// room is a conversation: who sends in it, and who is in it.
type room struct {
	senders, members []*chatSocket
}

// slowest is how many messages the slowest of those who don't send has got.
func (r *room) slowest() int64 {
	least := int64(-1)
	for _, m := range r.members {
		if got := m.got.Load(); m != r.senders[0] && (least < 0 || got < least) {
			least = got
		}
	}
	return least
}

// seat is where a socket sits.
type seat struct {
	room   int
	sender bool
	timed  bool
}

// crowd is all the sockets of a slice.
type crowd struct {
	rooms   []room
	sockets []*chatSocket
	window  int
	wait    time.Duration // for the last messages

	ctx     context.Context //nolint:containedctx // the readers' life, from gather to leave
	fail    context.CancelCauseFunc
	readers sync.WaitGroup
	leaving atomic.Bool
}

// gather opens all sockets; each sender may have window messages on the way.
func gather(ctx context.Context, open func(ctx context.Context, i int, room string) (*chatSocket, error), rooms []string, seats []seat, window int) (*crowd, error) {
	c := &crowd{window: window, wait: patience, rooms: make([]room, len(rooms)), sockets: make([]*chatSocket, len(seats))}
	c.ctx, c.fail = context.WithCancelCause(ctx)
	group, dialCtx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, place := range seats {
		group.Go(func() (err error) {
			c.sockets[i], err = open(dialCtx, i, rooms[place.room])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		c.leave()
		return nil, err
	}
	for i, place := range seats {
		s, r := c.sockets[i], &c.rooms[place.room]
		s.name, s.room, s.timed = fmt.Sprintf("bench-%x-%d", time.Now().UnixNano(), i), rooms[place.room], place.timed
		r.members = append(r.members, s)
		if place.sender {
			r.senders = append(r.senders, s)
			s.window = make(chan struct{}, window)
			for range window {
				s.window <- struct{}{}
			}
		}
		c.readers.Go(func() {
			if err := s.read(); !c.leaving.Load() {
				c.fail(fmt.Errorf("a socket ended: %w", err))
			}
		})
	}
	return c, nil
}

// leave closes all sockets and waits for their readers.
func (c *crowd) leave() {
	c.leaving.Store(true)
	for _, s := range c.sockets {
		s.close()
	}
	c.readers.Wait()
	c.fail(nil)
}

// flood lets every sender send as fast as its messages are accepted, and returns how many messages were delivered until
// the last one was, and how long that took.
func (c *crowd) flood(d time.Duration) (deliveries int, took time.Duration, err error) {
	began := time.Now()
	err = c.eachSender(d, func(r *room, s *chatSocket, _ int) error {
		for { // one at least, on the slowest machine
			if err := c.send(r, s); err != nil || time.Since(began) >= d {
				return err
			}
		}
	})
	if err != nil {
		return 0, 0, err
	}
	deliveries, err = c.drain()
	return deliveries, time.Since(began), err
}

// pace sends so many messages a second in all, evenly, whether or not earlier ones have arrived, and returns the time
// from each message's sending to its arrival.
func (c *crowd) pace(perSecond float64, d time.Duration) ([]time.Duration, error) {
	senders := 0
	for _, r := range c.rooms {
		senders += len(r.senders)
	}
	step := time.Duration(float64(senders) / perSecond * float64(time.Second))
	began := time.Now()
	err := c.eachSender(d, func(r *room, s *chatSocket, i int) error {
		next := began.Add(step * time.Duration(i) / time.Duration(senders))
		for ; next.Before(began.Add(d)); next = next.Add(step) {
			if err := pause(c.ctx, time.Until(next)); err != nil {
				return context.Cause(c.ctx)
			}
			if err := c.send(r, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.drain(); err != nil {
		return nil, err
	}
	var all []time.Duration
	for _, s := range c.sockets {
		all = append(all, s.latencies...)
	}
	return all, nil
}

// send waits until there is room in the window, and until the room's readers are near enough, where one speaks to many.
func (c *crowd) send(r *room, s *chatSocket) error {
	select {
	case <-s.window:
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
	for len(r.senders) == 1 && s.sent-r.slowest() > tooFar {
		if err := pause(c.ctx, 200*time.Microsecond); err != nil {
			return context.Cause(c.ctx)
		}
	}
	if err := s.send(); err != nil {
		return errors.Join(err, context.Cause(c.ctx))
	}
	return nil
}

// eachSender lets all senders do something that takes d, and the wait for the last messages at most.
func (c *crowd) eachSender(d time.Duration, do func(r *room, s *chatSocket, i int) error) error {
	stuck := time.AfterFunc(d+c.wait, func() { c.fail(fmt.Errorf("no message was accepted for %s", c.wait)) })
	defer stuck.Stop()
	var group errgroup.Group
	i := 0
	for r := range c.rooms {
		for _, s := range c.rooms[r].senders {
			n := i
			group.Go(func() error { return do(&c.rooms[r], s, n) })
			i++
		}
	}
	return group.Wait()
}

// drain waits until every message has reached everybody: one that is lost, or comes twice, breaks the run.
func (c *crowd) drain() (deliveries int, err error) {
	ctx, cancel := context.WithTimeout(c.ctx, c.wait)
	defer cancel()
	for {
		want, got, missing := c.tally()
		if got > want {
			return 0, fmt.Errorf("%d messages were delivered where %d were sent", got, want)
		}
		if got == want && missing == 0 {
			return int(got), nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return 0, errors.Join(context.Cause(c.ctx), fmt.Errorf("%d of %d messages arrived, %d were not accepted", got, want, missing))
		}
	}
}

// tally counts what was to be delivered and what was, and messages without an answer.
func (c *crowd) tally() (want, got int64, missing int) {
	for _, r := range c.rooms {
		for _, s := range r.senders {
			want += s.sent * int64(len(r.members)-1)
			missing += c.window - len(s.window)
		}
		for _, m := range r.members {
			got += m.got.Load()
		}
	}
	return want, got, missing
}
