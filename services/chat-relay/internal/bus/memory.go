package bus

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxWaiting is how many wake-ups a node keeps while it works; one more, and it is told that it missed some.
const maxWaiting = 4096

// Wake says that the store has the conversation's messages up to Seq.
type Wake struct {
	Conversation string
	Seq          int64
}

// Memory is a bus within one process. Its nodes are made by Join.
type Memory struct {
	mu    sync.RWMutex
	nodes map[*Node]struct{} // that listen
}

// NewMemory makes a Memory without nodes.
func NewMemory() *Memory { return &Memory{nodes: map[*Node]struct{}{}} }

// Join makes a node. It needs no leaving: it is on the bus while it listens.
func (m *Memory) Join() *Node { return &Node{all: m, waiting: make(chan Wake, maxWaiting)} }

// Node is one relay's end of the bus. Safe for concurrent use.
type Node struct {
	all     *Memory
	waiting chan Wake
	lost    atomic.Bool
}

// Publish wakes the other nodes. It doesn't wait, and what can't be handed on is lost.
func (n *Node) Publish(w Wake) {
	n.all.mu.RLock()
	defer n.all.mu.RUnlock()
	for other := range n.all.nodes {
		if other != n && !other.take(w) {
			other.lost.Store(true)
			other.take(w) // what was emptied meanwhile must still show the loss
		}
	}
}

func (n *Node) take(w Wake) bool {
	select {
	case n.waiting <- w:
		return true
	default:
		return false
	}
}

// Listen calls heard for the wake-ups of other nodes, and missed when some may have been lost, from one goroutine, until ctx
// ends. A node listens once at a time; what comes while it doesn't is lost.
func (n *Node) Listen(ctx context.Context, heard func(Wake), missed func()) {
	n.all.mu.Lock()
	n.all.nodes[n] = struct{}{}
	n.all.mu.Unlock()
	defer func() {
		n.all.mu.Lock()
		defer n.all.mu.Unlock()
		delete(n.all.nodes, n)
	}()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case w := <-n.waiting:
			if n.lost.Swap(false) {
				missed()
			}
			heard(w)
		}
	}
}
