package chatrelay

import (
	"context"
	"sync"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/module"
	"centinela/shared/record"
)

// Faults are what a test plants in the store: by the name of a method of relay.Store, and for RecordEvents also by the
// action of an event. Each is gone when it has happened.
type Faults struct {
	mu sync.Mutex
	by map[string]func()
}

// Panic makes the next call panic: the fault that R3 must survive.
func (f *Faults) Panic(call string) { f.Do(call, func() { panic("planted by a test") }) }

// Do has the next call begin with what.
func (f *Faults) Do(call string, what func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by == nil {
		f.by = map[string]func(){}
	}
	f.by[call] = what
}

// Left is how many of them didn't happen.
func (f *Faults) Left() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.by)
}

func (f *Faults) at(call string) {
	f.mu.Lock()
	what := f.by[call]
	delete(f.by, call)
	f.mu.Unlock()
	if what != nil {
		what()
	}
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
	relay.Store
	faults *Faults
}

func (f faulty) AddConversation(ctx context.Context, c relay.Conversation, e record.Event) (relay.Conversation, error) {
	f.faults.at("AddConversation")
	return f.Store.AddConversation(ctx, c, e)
}

func (f faulty) Conversation(ctx context.Context, id string) (relay.Conversation, error) {
	f.faults.at("Conversation")
	return f.Store.Conversation(ctx, id)
}

func (f faulty) ConversationsOf(ctx context.Context, account string, behind relay.Position, limit int) ([]relay.Conversation, error) {
	f.faults.at("ConversationsOf")
	return f.Store.ConversationsOf(ctx, account, behind, limit)
}

// AppendMessage has three places: before the transaction, within it, and when it is on disk.
func (f faulty) AppendMessage(ctx context.Context, m relay.Message, report func(relay.Message) record.Event) (relay.Message, bool, error) {
	f.faults.at("AppendMessage")
	stored, created, err := f.Store.AppendMessage(ctx, m, func(m relay.Message) record.Event {
		f.faults.at("AppendMessage, within")
		return report(m)
	})
	f.faults.at("AppendMessage, after")
	return stored, created, err
}

func (f faulty) MessagesBefore(ctx context.Context, conversation string, before int64, limit int) ([]relay.Message, error) {
	f.faults.at("MessagesBefore")
	return f.Store.MessagesBefore(ctx, conversation, before, limit)
}

func (f faulty) MessagesAfter(ctx context.Context, conversation string, after int64, limit int) ([]relay.Message, error) {
	f.faults.at("MessagesAfter")
	return f.Store.MessagesAfter(ctx, conversation, after, limit)
}

func (f faulty) RecordEvents(ctx context.Context, events ...record.Event) error {
	for _, e := range events {
		f.faults.at(e.Action)
	}
	return f.Store.RecordEvents(ctx, events...)
}
