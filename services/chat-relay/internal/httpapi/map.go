package httpapi

import (
	"centinela/openapi/gen/chatrelayapi"
	"centinela/services/chat-relay/internal/room"
)

func conversation(c room.Conversation) chatrelayapi.Conversation {
	wire := chatrelayapi.Conversation{
		Id: c.ID, Kind: chatrelayapi.ConversationKind(c.Kind), LastSeq: c.LastSeq, CreatedAt: c.CreatedAt,
		Members: each(c.Members, func(m room.Member) chatrelayapi.Member {
			return chatrelayapi.Member{AccountId: m.Account, UserName: m.UserName}
		}),
	}
	if c.Title != "" {
		wire.Title = &c.Title
	}
	return wire
}

func message(m room.Message) chatrelayapi.Message {
	wire := chatrelayapi.Message{
		Conversation: m.Conversation, Seq: m.Seq, ClientId: m.ClientID, Sender: m.Sender,
		Kind: chatrelayapi.MessageKind(m.Kind), Text: m.Text, At: m.At,
	}
	if m.ReplyTo != 0 {
		wire.ReplyTo = &m.ReplyTo
	}
	return wire
}

// each is what one makes of each of the list; it is never nil: an empty list is [] on the wire.
func each[From, To any](list []From, one func(From) To) []To {
	out := make([]To, len(list))
	for i, v := range list {
		out[i] = one(v)
	}
	return out
}
