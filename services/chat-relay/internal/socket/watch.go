package socket

import (
	"fmt"
	"time"

	"centinela/services/chat-relay/internal/protocol"
	"centinela/shared/bounded"
	"centinela/shared/clock"
	"centinela/shared/record"
)

// The bounds of what an attacker can make us write: events of violations a socket, and a minute and address.
const (
	eventsPerSocket  = 10
	eventsPerAddress = 60
	eventsWindow     = time.Minute
	maxWatched       = 50_000
)

// watch counts recorded violations by address.
type watch struct {
	clk clock.Clock
	by  *bounded.Map[string, tally]
}

type tally struct {
	since         time.Time
	recorded, cut int
}

func newWatch(clk clock.Clock) *watch {
	return &watch{clk: clk, by: bounded.New[string, tally](maxWatched)}
}

// admit says whether one more violation of the address is recorded, and how many were left out before it: they are
// counted in its event.
func (w *watch) admit(key string) (ok bool, left int) {
	now := w.clk.Now()
	w.by.Update(key, func(t tally, _ bool) tally {
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
	ok, left := c.door.watch.admit(addressKey(c.address))
	if !ok {
		return
	}
	e := c.event(now, record.ChatProtocolViolation, record.Refused)
	e.Reason = string(v.Fault)
	e.Data = record.Data{"fault": string(v.Fault), "state": v.State.String(), "size": fmt.Sprint(v.Size)}
	if v.Type != "" {
		e.Data["type"] = v.Type
	}
	if left > 0 {
		e.Data["unrecorded_before"] = fmt.Sprint(left)
	}
	c.record(e)
}

func (c *conn) recordStart() {
	c.record(c.event(c.door.Clock.Now(), record.ChatConnected, record.Success))
}

// recordEnd reports the end of an authenticated socket, and of any that broke the protocol.
func (c *conn) recordEnd() {
	if c.joined == "" && c.violated == 0 {
		return
	}
	now := c.door.Clock.Now()
	e := c.event(now, record.ChatDisconnected, record.Success)
	e.Data = record.Data{"seconds": fmt.Sprint(int64(now.Sub(c.connected).Seconds())), "violations": fmt.Sprint(c.violated)}
	if c.ended.code != "" {
		e.Reason = c.ended.code
		e.Data["close"] = fmt.Sprint(c.ended.close)
	}
	c.record(e)
}

func (c *conn) event(now time.Time, action, outcome string) record.Event {
	e := record.New(now, "chat-relay", action, outcome, c.from)
	e.Account, e.Session, _ = c.identity()
	return e
}

// record waits until the event is stored: who breaks the protocol goes at the store's pace.
func (c *conn) record(e record.Event) {
	ctx, cancel := c.context()
	defer cancel()
	if err := c.door.Relay.Record(ctx, e); err != nil {
		c.log.Error("an event was not recorded", "action", e.Action, "error", err)
	}
}
