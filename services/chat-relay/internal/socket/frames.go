package socket

import (
	"time"

	"github.com/gorilla/websocket"

	"centinela/openapi/gen/chatframes"
	"centinela/services/chat-relay/internal/room"
)

// updated is the frame of an update. It is encoded by the first writer that comes to it, once for all who get it, and
// counts twice its text until then: that is what it may become, but for texts of control characters.
func updated(u *room.Update) frame {
	size := 256
	if u.Message != nil {
		size += 2 * len(u.Message.Text)
	}
	return frame{kind: websocket.TextMessage, update: u, size: size}
}

// encode makes an update's frame. None can fail: they are texts, numbers and a time of ours.
func encode(u *room.Update) []byte {
	var f chatframes.ServerFrame
	switch {
	case u.Message != nil:
		f = wireMessage(u.Message)
	case u.Accepted != nil:
		m := u.Accepted
		f = chatframes.ServerAccepted{ClientID: m.ClientID, Conversation: m.Conversation, Seq: m.Seq, At: m.At}
	default:
		f = chatframes.ServerTyping{Conversation: u.Typing.Conversation, Account: u.Typing.Account}
	}
	data, err := f.Encode()
	if err != nil {
		panic(err)
	}
	return data
}

// wireMessage is the one place where a message becomes a frame.
func wireMessage(m *room.Message) chatframes.ServerMessage {
	return chatframes.ServerMessage{
		Type: chatframes.ServerMessage{}.FrameType(), Conversation: m.Conversation, Seq: m.Seq, ClientID: m.ClientID,
		Sender: m.Sender, Kind: m.Kind, Text: m.Text, ReplyTo: m.ReplyTo, At: m.At.UTC().Truncate(time.Millisecond),
	}
}

// maxEncoded is the most bytes that a message can be as JSON, where a byte of text may become an escape of six.
func maxEncoded(m *room.Message) int { return 6*len(m.Text) + 512 }
