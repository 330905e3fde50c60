package socket

import (
	"errors"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/fault"
)

var errEnded = errors.New("the socket ends")

// Deliver implements relay.Subscriber: it queues and never blocks. During a replay live messages wait behind it.
func (c *conn) Deliver(d relay.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.Seq > 0 && d.Seq <= c.replayed[d.Conversation] {
		return // stored before the replay read it, and published after the replay's end
	}
	if c.replaying {
		switch {
		case d.Seq == 0: // nobody needs to know who was typing then
		case len(c.pending) >= c.door.Limits.QueueFrames:
			c.slow()
		default:
			c.pending = append(c.pending, d)
		}
		return
	}
	c.enqueue(frame{websocket.TextMessage, d.Frame}, d.Shed)
}

// endReplay lets the live messages go that came meanwhile and weren't part of the replay, in one step with the switch:
// nothing is lost or doubled at the seam.
func (c *conn) endReplay(replayed map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.pending {
		if d.Seq > replayed[d.Conversation] {
			c.enqueue(frame{websocket.TextMessage, d.Frame}, false)
		}
	}
	c.pending, c.replaying, c.replayed = nil, false, replayed
}

// send queues a frame of the server's own.
func (c *conn) send(f chatframes.ServerFrame) error {
	data, err := f.Encode()
	if err != nil {
		return err
	}
	c.push(frame{websocket.TextMessage, data}, false)
	return nil
}

// sendWhenRoom queues a frame that the client asked for, of a replay or a page of history: it waits until half of the
// queue is free, because what it asks for may be longer than the queue and the client isn't slow for that. errEnded.
func (c *conn) sendWhenRoom(f chatframes.ServerFrame) error {
	data, err := f.Encode()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.ended == nil && (len(c.queue) >= c.door.Limits.QueueFrames/2 || c.over(len(data), queueBytes/2)) {
		c.space.Wait()
	}
	if c.ended != nil {
		return errEnded
	}
	c.enqueue(frame{websocket.TextMessage, data}, false)
	return nil
}

func (c *conn) push(f frame, shed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enqueue(f, shed)
}

// enqueue is called with mu held.
func (c *conn) enqueue(f frame, shed bool) {
	switch {
	case c.ended != nil:
	case shed && len(c.queue) >= c.door.Limits.QueueFrames/2:
		c.door.metrics.shed.Inc()
	case len(c.queue) >= c.door.Limits.QueueFrames, c.over(len(f.data), queueBytes):
		c.slow()
	default:
		c.queue = append(c.queue, f)
		c.queued += len(f.data)
		c.startWriter()
	}
}

// over reports whether one more frame makes the queue longer than so many bytes; an empty one takes any frame. mu is held.
func (c *conn) over(frame, bytes int) bool { return c.queued > 0 && c.queued+frame > bytes }

// drop empties the queue. mu is held.
func (c *conn) drop() { c.queue, c.queued = nil, 0 }

// slow ends the socket of a client that doesn't read. Nothing is lost: it resumes. mu is held.
func (c *conn) slow() {
	c.drop()
	c.goodbye(ending{closeSlow, string(fault.CodeSlowConsumer), "slow"})
}

// end says goodbye behind what is queued; the first reason counts.
func (c *conn) end(why ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.goodbye(why)
}

// goodbye is called with mu held.
func (c *conn) goodbye(why ending) {
	if c.ended != nil {
		return
	}
	c.ended = &why
	c.pending = nil
	c.door.metrics.closed.WithLabelValues(why.code).Inc()
	if bye, err := (chatframes.ServerBye{Code: why.code, Reason: why.reason}).Encode(); err == nil { // two texts always encode
		c.queue = append(c.queue, frame{websocket.TextMessage, bye})
	}
	c.queue = append(c.queue, frame{websocket.CloseMessage, websocket.FormatCloseMessage(why.close, why.reason)})
	c.space.Broadcast()
	c.startWriter()
}

// farewell answers the peer's close frame with the same code (RFC 6455 §5.5.1), or a browser takes the end for a fault.
// Nobody reads what was still queued.
func (c *conn) farewell(code int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return // our own close frame was first
	}
	c.ended = &ending{}
	c.drop()
	c.queue = append(c.queue, frame{websocket.CloseMessage, websocket.FormatCloseMessage(code, "")})
	c.space.Broadcast()
	c.startWriter()
}

// endMute ends a socket on which nothing more can be written.
func (c *conn) endMute(why ending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil {
		return
	}
	c.ended = &why
	c.drop()
	c.door.metrics.closed.WithLabelValues(why.code).Inc()
	c.space.Broadcast()
}

func (c *conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended != nil
}

// startWriter is called with mu held. Before attach there is nothing to write to: attach starts it then.
func (c *conn) startWriter() {
	if !c.writing && c.ws != nil {
		c.writing = true
		go c.write()
	}
}

// write empties the queue, up to 16 frames in one write to the connection, and stops.
func (c *conn) write() {
	defer c.writePanicked()
	for {
		batch := c.nextBatch()
		if len(batch) == 0 {
			return
		}
		if err := c.writeBatch(batch); err != nil {
			c.stopWriter()
			c.cut() // the read loop sees it and finishes
			return
		}
	}
}

// nextBatch takes frames from the queue. With none left the writer is over: the next frame starts another.
func (c *conn) nextBatch() []frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(corked, len(c.queue))
	batch := c.queue[:n:n]
	c.queue = c.queue[n:]
	for _, f := range batch {
		c.queued -= len(f.data)
	}
	if len(c.queue) == 0 {
		c.drop() // its array goes with the batch: an idle socket keeps nothing
	}
	if n == 0 {
		c.writing = false
	}
	c.space.Broadcast()
	return batch
}

func (c *conn) stopWriter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = &ending{} // what couldn't be written needs no more to follow
	}
	c.drop()
	c.writing = false
	c.space.Broadcast()
}

func (c *conn) writeBatch(batch []frame) error {
	within := c.door.Limits.WriteWithin
	c.wire.cork()
	for _, f := range batch {
		var err error
		if f.kind == websocket.TextMessage {
			err = c.ws.WriteMessage(f.kind, f.data)
		} else {
			err = c.ws.WriteControl(f.kind, f.data, time.Now().Add(within))
		}
		if err != nil {
			return errors.Join(err, c.wire.uncork(within))
		}
	}
	if err := c.wire.uncork(within); err != nil {
		return err
	}
	c.door.metrics.delivered.Add(float64(len(batch)))
	if batch[len(batch)-1].kind == websocket.CloseMessage {
		return c.wire.SetReadDeadline(time.Now().Add(lingerFor)) // for the peer's own close
	}
	return nil
}

// writePanicked ends this socket alone, with a goodbye if that can be written (R3).
func (c *conn) writePanicked() {
	cause := recover()
	if cause == nil {
		return
	}
	c.mu.Lock()
	c.panics++
	mute := c.panics > 1 || c.ended != nil // the goodbye itself panicked
	c.drop()
	c.writing = false
	c.space.Broadcast()
	c.mu.Unlock()
	c.reportPanic("write", cause)
	if mute {
		c.stopWriter()
		c.cut()
	}
}
