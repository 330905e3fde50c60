package chatrelay

import (
	"context"
	"errors"
	"sync"

	"centinela/services/chat-relay/internal/room"
	"centinela/shared/module"
	"centinela/shared/record"
)

// Faults are what a test plants in the store: by the name of a method of the stores' interfaces, and for Record also by the
// action of an event. Each is gone when it has happened.
type Faults struct {
	mu sync.Mutex
	by map[string]func() error
}

var errPlanted = errors.New("planted by a test")

// Panic makes the next call panic: the fault that R3 must survive.
func (f *Faults) Panic(call string) { f.Do(call, func() { panic("planted by a test") }) }

// Do has the next call begin with what.
func (f *Faults) Do(call string, what func()) {
	f.plant(call, func() error { what(); return nil })
}

// Fail makes the next call fail: of Record only.
func (f *Faults) Fail(call string) { f.plant(call, func() error { return errPlanted }) }

func (f *Faults) plant(call string, what func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]func() error{}
	}
	f.by[call] = what
}

// Left is how many of them didn't happen.
func (f *Faults) Left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.by)
}

func (f *Faults) at(call string) error {
	f.mu.Lock()
	what := f.by[call]
	delete(f.by, call)
	f.mu.Unlock()
	if what != nil {
		return what()
	}
	return nil
}

// New is New with the faults in its store.
func (f *Faults) New(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faulty{store, f})
}

type faulty struct {
	store
	faults *Faults
}

func (f faulty) Create(ctx context.Context, c room.Conversation, e record.Event) (room.Conversation, error) {
	_ = f.faults.at("Create")
	return f.store.Create(ctx, c, e)
}

func (f faulty) Conversation(ctx context.Context, id string) (room.Conversation, error) {
	_ = f.faults.at("Conversation")
	return f.store.Conversation(ctx, id)
}

func (f faulty) Of(ctx context.Context, account string, behind room.Position, limit int) ([]room.Conversation, error) {
	_ = f.faults.at("Of")
	return f.store.Of(ctx, account, behind, limit)
}

// Append has two places: before the write, and when it is on disk.
func (f faulty) Append(ctx context.Context, b room.Batch) ([]room.Fate, error) {
	_ = f.faults.at("Append")
	fates, err := f.store.Append(ctx, b)
	_ = f.faults.at("Append, after")
	return fates, err
}

func (f faulty) Before(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	_ = f.faults.at("Before")
	return f.store.Before(ctx, conversation, seq, limit)
}

func (f faulty) After(ctx context.Context, conversation string, seq int64, limit int) ([]room.Message, error) {
	_ = f.faults.at("After")
	return f.store.After(ctx, conversation, seq, limit)
}

func (f faulty) Record(ctx context.Context, events ...record.Event) error {
	for _, e := range events {
		if err := f.faults.at(e.Action); err != nil {
			return err
		}
	}
	return f.store.Record(ctx, events...)
}
