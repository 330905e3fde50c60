package bus

import (
	"context"
	"sync"
)

// maxWaiting is how many wake-ups a node keeps while it works; one more, and it is told that it missed some.
const maxWaiting = 4096

// Memory is a bus within one process. Its nodes are made by Join.
type Memory struct {
	mu    sync.RWMutex
	nodes map[*node]struct{} // that listen
}

// NewMemory makes a Memory without nodes.
func NewMemory() *Memory { return &Memory{nodes: map[*node]struct{}{}} }

// Join makes a node. It needs no leaving: it is on the bus while it listens.
func (m *Memory) Join() Bus { return &node{all: m, ready: make(chan struct{}, 1)} }

type node struct {
	all   *Memory
	ready chan struct{} // something waits

	mu      sync.Mutex
	waiting []Wake
	lost    bool
}

// Publish implements Bus.
func (n *node) Publish(w Wake) {
	n.all.mu.RLock()
	defer n.all.mu.RUnlock()
	for other := range n.all.nodes {
		if other != n {
			other.take(w)
		}
	}
}

func (n *node) take(w Wake) {
	n.mu.Lock()
	if len(n.waiting) < maxWaiting {
		n.waiting = append(n.waiting, w)
	} else {
		n.lost = true
	}
	n.mu.Unlock()
	select {
	case n.ready <- struct{}{}:
	default: // it is told already, and takes all there is
	}
}

// Listen implements Bus.
func (n *node) Listen(ctx context.Context, heard func(Wake), missed func()) error {
	n.all.mu.Lock()
	n.all.nodes[n] = struct{}{}
	n.all.mu.Unlock()
	defer func() {
		n.all.mu.Lock()
		defer n.all.mu.Unlock()
		delete(n.all.nodes, n)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.ready:
		}
		n.mu.Lock()
		waiting, lost := n.waiting, n.lost
		n.waiting, n.lost = nil, false
		n.mu.Unlock()
		if lost {
			missed()
		}
		for _, w := range waiting {
			if ctx.Err() != nil {
				return nil
			}
			heard(w)
		}
	}
}
