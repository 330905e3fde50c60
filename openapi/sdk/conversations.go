package sdk

import (
	"context"
	"iter"

	"centinela/openapi/gen/gatewayclient"
)

// Conversations are those of a signed-in person.
type Conversations struct{ s *Session }

// Conversations of this session's account.
func (s *Session) Conversations() Conversations { return Conversations{s} }

// Direct starts a conversation with one other person, or finds it again.
func (c Conversations) Direct(ctx context.Context, userName string) (Conversation, error) {
	return c.create(ctx, gatewayclient.NewConversation{Kind: gatewayclient.NewConversationKindDirect, Members: []string{userName}})
}

// Group starts a conversation with up to 199 others.
func (c Conversations) Group(ctx context.Context, title string, userNames ...string) (Conversation, error) {
	return c.create(ctx, gatewayclient.NewConversation{
		Kind: gatewayclient.NewConversationKindGroup, Title: given(title), Members: userNames,
	})
}

func (c Conversations) create(ctx context.Context, body gatewayclient.NewConversation) (Conversation, error) {
	return read[Conversation](c.s.api.CreateConversation(ctx, body))
}

// List runs through all of one's conversations, newest activity first.
func (c Conversations) List(ctx context.Context) iter.Seq2[Conversation, error] {
	return pages(func(cursor string) ([]Conversation, string, error) {
		params := &gatewayclient.ListConversationsParams{Cursor: given(cursor), Limit: given(100)}
		page, err := read[gatewayclient.ConversationPage](c.s.api.ListConversations(ctx, params))
		return page.Conversations, value(page.NextCursor), err
	})
}

// Get is one conversation that the person is in.
func (c Conversations) Get(ctx context.Context, id string) (Conversation, error) {
	return read[Conversation](c.s.api.GetConversation(ctx, id))
}

// Messages are those before a number (0: the newest), newest first; limit is 1
// to 100, 0 for 50.
func (c Conversations) Messages(ctx context.Context, id string, before int64, limit int) ([]Message, error) {
	params := &gatewayclient.ListMessagesParams{Before: given(before), Limit: given(limit)}
	page, err := read[gatewayclient.MessagePage](c.s.api.ListMessages(ctx, id, params))
	return page.Messages, err
}
