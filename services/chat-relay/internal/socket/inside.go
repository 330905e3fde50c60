package socket

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"centinela/shared/ratelimit"
	"centinela/shared/record"
	"centinela/shared/revocation"
	"centinela/shared/verdicts"
)

// check asks the firewall about everything that is known of the socket.
func (d *Door) check(c *conn) verdicts.Decision {
	who := c.who.Load()
	return d.Verdicts.Check(verdicts.Client{Addr: c.address, Account: who.account, Session: who.session, Device: who.device}, d.Clock.Now())
}

// enter counts the socket in, by address.
func (d *Door) enter(c *conn) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := addressKey(c.address)
	switch {
	case d.shut, len(d.conns.all) >= d.Limits.Max:
		return errFull
	case key != "" && d.byAddress[key] >= d.Limits.PerAddress:
		return errConnections
	}
	d.conns.add(c)
	d.byAddress[key]++
	d.inside.Add(1)
	d.metrics.open.Inc()
	return nil
}

// know says who the socket is of.
func (d *Door) know(c *conn, who *identity) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns.remove(c)
	c.who.Store(who)
	d.conns.add(c)
}

// join counts the socket in by account; false when there are too many.
func (d *Door) join(c *conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	joined := 0
	for _, other := range d.conns.of(verdicts.KindAccount, c.who.Load().account) {
		if other.joined {
			joined++
		}
	}
	if joined >= d.Limits.PerAccount {
		return false
	}
	c.joined = true
	d.metrics.ready.Inc()
	return true
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns.remove(c)
	key := addressKey(c.address)
	if d.byAddress[key]--; d.byAddress[key] <= 0 {
		delete(d.byAddress, key)
	}
	d.metrics.open.Dec()
	if c.joined {
		d.metrics.ready.Dec()
	}
	d.inside.Done()
}

// addressKey is "" for an unknown address, which has no limit of its own.
func addressKey(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return ratelimit.KeyOf(addr)
}

// Enforce closes the sockets that the firewall refuses by now, as soon as verdicts changed: a revoked session's within a
// second (design: chat-relay, "Revocation"). It looks at those only that the verdicts name: of one with joined subjects the
// first is enough.
func (d *Door) Enforce(changed verdicts.Change) {
	if changed.Whole {
		d.refuse(d.all())
		return
	}
	for _, v := range changed.Verdicts {
		if v.Action == verdicts.Refuse && len(v.Subjects) > 0 {
			d.refuse(d.named(v.Subjects[0].Kind, v.Subjects[0].Value))
		}
	}
}

func (d *Door) refuse(conns []*conn) {
	for _, c := range conns {
		if f := refusal(d.check(c)); f != nil {
			c.close(endRefused(f))
		}
	}
}

// Revoke closes the sockets of what is over, by auth's own word, whatever became of audit.
func (d *Door) Revoke(over revocation.Change) {
	kind := verdicts.KindSession
	if over.Kind == revocation.Account {
		kind = verdicts.KindAccount
	}
	for _, c := range d.named(kind, over.ID) {
		c.close(endRevoked)
	}
}

func (d *Door) named(kind, value string) []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.conns.of(kind, value))
}

func (d *Door) all() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.conns.all))
}

// Watch ends each socket whose access token has ended, until ctx ends. A session that is over, or whose revocation was
// not heard of because audit was down, gets no further token: so none outlives its session by more than a token's life.
func (d *Door) Watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for _, c := range d.expired(d.Clock.Now()) {
				c.close(endExpired)
			}
		}
	}
}

// expired is short for each socket: there are thousands, and it holds the lock of whoever comes and goes.
func (d *Door) expired(now time.Time) (list []*conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns.all {
		if at := c.who.Load().expires; !at.IsZero() && !at.After(now) {
			list = append(list, c)
		}
	}
	return list
}

// Panicked reports a panic that happened elsewhere behind somebody's command.
func (d *Door) Panicked(loop string, from record.Origin, cause any, stack []byte) {
	d.metrics.panics.Inc()
	d.Log.Error("panic in a socket", "request_id", from.RequestID, "loop", loop, "panic", fmt.Sprint(cause), "stack", string(stack))
}

// Shut lets nobody in any more, says goodbye to all, and waits until they are gone or ctx ends; then it cuts them off.
func (d *Door) Shut(ctx context.Context) {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	for _, c := range d.all() {
		c.close(endStopping)
	}
	gone := make(chan struct{})
	go func() { d.inside.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-ctx.Done():
		for _, c := range d.all() {
			c.close(endBroken)
		}
	}
	d.stop()
	<-gone
}
