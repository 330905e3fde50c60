package socket

import (
	"context"
	"time"

	"centinela/services/chat-relay/internal/protocol"
	"centinela/shared/record"
)

// The bounds of what an attacker can make us write: events of violations a socket, and a minute and address.
const (
	eventsPerSocket  = 10
	eventsPerAddress = 60
	eventsWindow     = time.Minute
	maxWatched       = 50_000
)

// tally is an address's violations of a window.
type tally struct {
	since         time.Time
	recorded, cut int
}

// recordable says whether one more violation of the address is recorded, and how many were left out before it: they are
// counted in its event.
func (d *Door) recordable(key string, now time.Time) (ok bool, left int) {
	d.violators.Update(key, func(t tally, _ bool) tally {
		if now.Sub(t.since) >= eventsWindow {
			left = t.cut
			t = tally{since: now}
		}
		if ok = t.recorded < eventsPerAddress; ok {
			t.recorded++
		} else {
			t.cut++
		}
		return t
	})
	return ok, left
}

func (c *conn) recordViolation(v *protocol.Violation, now time.Time) {
	if c.violated > eventsPerSocket {
		return // counted in chat.disconnected
	}
	ok, left := c.door.recordable(addressKey(c.address), now)
	if !ok {
		return
	}
	e := c.event(now, record.ChatProtocolViolation, record.Refused)
	e.Reason = string(v.Fault)
	e.Data = record.Data{"fault": string(v.Fault), "state": v.State.String(), "size": v.Size}
	if v.Type != "" {
		e.Data["type"] = v.Type
	}
	if left > 0 {
		e.Data["unrecorded_before"] = left
	}
	_ = c.record(e) // the error is logged, and the frame is refused either way
}

// recordStart returns when the connection is on record.
func (c *conn) recordStart() error {
	return c.record(c.event(c.door.Clock.Now(), record.ChatConnected, record.Success))
}

// recordEnd reports the end of an authenticated socket, and of any that broke the protocol.
func (c *conn) recordEnd(how ending) {
	who := c.who.Load()
	if c.unsubscribe != nil { // it was ready
		c.door.Ended(who.session)
	} else if c.violated == 0 {
		return
	}
	now := c.door.Clock.Now()
	e := c.event(now, record.ChatDisconnected, record.Success)
	e.Data = record.Data{"seconds": int64(now.Sub(c.connected).Seconds()), "violations": c.violated}
	if how.code != "" {
		e.Reason = string(how.code)
		e.Data["close"] = how.close
	}
	_ = c.record(e) // the error is logged, and nobody is there to be told
}

func (c *conn) event(now time.Time, action, outcome string) record.Event {
	who := c.who.Load()
	e := record.New(now, "chat-relay", action, outcome, who.from)
	e.Account, e.Session = who.account, who.session
	return e
}

// record waits until the event is stored: who breaks the protocol goes at the store's pace. A relay that stops records
// the ends of its sockets all the same.
func (c *conn) record(e record.Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.door.running), commandTimeout)
	defer cancel()
	err := c.door.Record(ctx, e)
	if err != nil {
		c.log.Error("an event was not recorded", "action", e.Action, "error", err)
	}
	return err
}
