package relay

import (
	"slices"
	"sync"
)

// Delivery is one frame for a connection. Seq is 0 for what is no message of a conversation.
type Delivery struct {
	Conversation string
	Seq          int64
	Frame        []byte // shared by all receivers: never changed
	Shed         bool   // may be left out when the receiver is slow
}

// Subscriber is a connection. Deliver must not block, and must not call back into the relay.
type Subscriber interface{ Deliver(d Delivery) }

// hub knows each account's connections.
type hub struct {
	mu sync.RWMutex
	by map[string][]Subscriber // the lists are replaced, never changed
}

func newHub() *hub { return &hub{by: map[string][]Subscriber{}} }

func (h *hub) add(account string, s Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by[account] = append(slices.Clone(h.by[account]), s)
}

func (h *hub) remove(account string, s Subscriber) {
	h.mu.Lock()
	defer h.mu.Unlock()
	rest := slices.DeleteFunc(slices.Clone(h.by[account]), func(other Subscriber) bool { return other == s })
	if len(rest) == 0 {
		delete(h.by, account)
		return
	}
	h.by[account] = rest
}

func (h *hub) publish(accounts []string, except Subscriber, d Delivery) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, account := range accounts {
		for _, s := range h.by[account] {
			if s != except {
				s.Deliver(d)
			}
		}
	}
}
