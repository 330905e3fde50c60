package socket

import (
	"errors"
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/room"
)

var errEnded = errors.New("the socket ends")

// frame is one WebSocket frame to be written: data, or what an update is encoded to.
type frame struct {
	kind   int
	data   []byte
	update *room.Update
	size   int // what it counts in the queue
}

// Deliver implements room.Subscriber: it queues and never blocks. During a replay live messages wait behind it.
func (c *conn) Deliver(u *room.Update) {
	if r := u.Refused; r != nil {
		c.refusedSend(r)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch m := u.Message; {
	case m != nil && m.Seq <= c.replayed[m.Conversation]:
		// stored before the replay read it, and published after the replay's end
	case c.replaying && m == nil:
		// nobody needs to know who was typing then
	case c.replaying && len(c.pending) >= c.door.Limits.QueueFrames:
		c.closeLocked(endSlow)
	case c.replaying:
		c.pending = append(c.pending, u)
	default:
		c.enqueue(updated(u), u.Typing != nil)
	}
}

// endReplay lets the live messages go that came meanwhile and weren't part of the replay, in one step with the switch:
// nothing is lost or doubled at the seam.
func (c *conn) endReplay(replayed map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range c.pending {
		if u.Message.Seq > replayed[u.Message.Conversation] {
			c.enqueue(updated(u), false)
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
	c.push(text(data))
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
	c.enqueue(text(data), false)
	return nil
}

func text(data []byte) frame {
	return frame{kind: websocket.TextMessage, data: data, size: len(data)}
}

func (c *conn) push(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enqueue(f, false)
}

// enqueue is called with mu held. A client that doesn't read loses nothing when its socket ends: it resumes.
func (c *conn) enqueue(f frame, shed bool) {
	switch {
	case c.ended != nil:
	case shed && len(c.queue) >= c.door.Limits.QueueFrames/2:
		c.door.metrics.shed.Inc()
	case len(c.queue) >= c.door.Limits.QueueFrames, c.over(f.size, queueBytes):
		c.closeLocked(endSlow)
	default:
		c.queue = append(c.queue, f)
		c.queued += f.size
		c.startWriter()
	}
}

// over reports whether one more frame makes the queue longer than so many bytes; an empty one takes any frame. mu is held.
func (c *conn) over(frame, bytes int) bool { return c.queued > 0 && c.queued+frame > bytes }

// drop empties the queue. mu is held.
func (c *conn) drop() { c.queue, c.queued = nil, 0 }

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
			c.close(endBroken) // the read loop sees it and leaves
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
		c.queued -= f.size
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

func (c *conn) writeBatch(batch []frame) error {
	within := c.door.Limits.WriteWithin
	c.wire.cork()
	for _, f := range batch {
		var err error
		switch {
		case f.update != nil:
			err = c.ws.WriteMessage(f.kind, f.update.Encoded(encode))
		case f.kind == websocket.TextMessage:
			err = c.ws.WriteMessage(f.kind, f.data)
		default:
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
	c.reportPanic("write", cause)
	c.mu.Lock()
	defer c.mu.Unlock()
	how := endInternal
	if c.panics++; c.panics > 1 || c.ended != nil { // the goodbye itself panicked
		how = endBroken
	}
	c.drop()
	c.writing = false
	c.closeLocked(how)
	c.space.Broadcast()
}
