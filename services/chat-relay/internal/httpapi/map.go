package httpapi

import (
	"centinela/openapi/gen/chatrelayapi"
	"centinela/services/chat-relay/internal/relay"
)

func conversation(c relay.Conversation) chatrelayapi.Conversation {
	wire := chatrelayapi.Conversation{
		Id: c.ID, Kind: chatrelayapi.ConversationKind(c.Kind), LastSeq: c.LastSeq, CreatedAt: c.CreatedAt,
		Members: mapped(c.Members, func(m relay.Member) chatrelayapi.Member {
			return chatrelayapi.Member{AccountId: m.Account, UserName: m.UserName}
		}),
	}
	if c.Title != "" {
		wire.Title = &c.Title
	}
	return wire
}

func message(m relay.Message) chatrelayapi.Message {
	wire := chatrelayapi.Message{
		Conversation: m.Conversation, Seq: m.Seq, ClientId: m.ClientID, Sender: m.Sender,
		Kind: chatrelayapi.MessageKind(m.Kind), Text: m.Text, At: m.At,
	}
	if m.ReplyTo != 0 {
		wire.ReplyTo = &m.ReplyTo
	}
	return wire
}

// mapped is never nil: an empty list is [] on the wire.
func mapped[From, To any](list []From, one func(From) To) []To {
	out := make([]To, len(list))
	for i, v := range list {
		out[i] = one(v)
	}
	return out
}
