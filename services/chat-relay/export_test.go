package chatrelay

import (
	"context"
	"strings"

	"centinela/services/chat-relay/internal/relay"
	"centinela/shared/module"
	"centinela/shared/record"
)

// Poison is the text that a faulty store panics on.
const Poison = "panic, planted by a test"

// NewFaulty is New with a store that panics on some input: the fault that R3 must survive.
func NewFaulty(ctx context.Context, cfg Config, deps module.Deps) (*Module, error) {
	store, err := open(ctx, deps.Store)
	if err != nil {
		return nil, err
	}
	return build(cfg, deps, faulty{store})
}

type faulty struct{ relay.Store }

func (f faulty) AppendMessage(ctx context.Context, m relay.Message, report func(relay.Message) record.Event) (relay.Message, bool, error) {
	if strings.Contains(m.Text, Poison) {
		panic("planted by a test")
	}
	return f.Store.AppendMessage(ctx, m, report)
}

func (faulty) ConversationsOf(context.Context, string, relay.Position, int) ([]relay.Conversation, error) {
	panic("planted by a test")
}
