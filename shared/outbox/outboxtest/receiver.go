package outboxtest

import (
	"context"
	"crypto/ed25519"
	"sync"

	"centinela/shared/fault"
	"centinela/shared/outbox"
	"centinela/shared/record"
)

// Receiver is an outbox.Sink that keeps what it is sent, once, by the high-water
// mark of each source.
type Receiver struct {
	// Key checks the signatures; nil takes any.
	Key ed25519.PublicKey
	// Answer decides on each call before it is looked at; nil lets all pass.
	Answer func(call int, s record.Shipment) error

	mu    sync.Mutex
	calls int
	heads map[string]record.Head
	kept  []record.Envelope
}

// Take is an outbox.Sink.
func (r *Receiver) Take(ctx context.Context, s record.Shipment) (record.Head, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	if err := ctx.Err(); err != nil {
		return record.Head{}, err
	}
	if r.Answer != nil {
		if err := r.Answer(r.calls, s); err != nil {
			return record.Head{}, err
		}
	}
	if r.Key != nil && !s.Head.SignedBy(r.Key, s.Source, s.Signature) {
		return record.Head{}, fault.New(fault.KindForbidden, fault.CodeForbidden, "the head isn't signed by its service")
	}
	if r.heads == nil {
		r.heads = make(map[string]record.Head)
	}
	at := r.heads[s.Source]
	var fresh []record.Envelope
	for i, sealed := range s.Entries {
		env, err := outbox.Open(sealed)
		if err != nil {
			return record.Head{}, err
		}
		if env.N != s.From+int64(i) || env.Source != s.Source {
			return record.Head{}, record.ErrInvalid.WithDetail("not the number that the shipment says")
		}
		if env.N == at.N+1 {
			at = at.Next(sealed.Body)
			fresh = append(fresh, env)
		}
	}
	if at.N == s.Head.N && at != s.Head || at.N < s.From-1 {
		return r.heads[s.Source], nil
	}
	r.kept, r.heads[s.Source] = append(r.kept, fresh...), at
	return at, nil
}

// Events are what was kept, in order.
func (r *Receiver) Events() []record.Envelope {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]record.Envelope(nil), r.kept...)
}

// Calls is how many shipments came.
func (r *Receiver) Calls() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

// Hold sets what the receiver says that it has of a source.
func (r *Receiver) Hold(source string, head record.Head) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heads == nil {
		r.heads = make(map[string]record.Head)
	}
	r.heads[source] = head
}
