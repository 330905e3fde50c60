package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/chatrelayapi"
	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/socket"
	"centinela/shared/httpkit"
	"centinela/shared/record"
)

const defaultPage = 50

// API implements the generated strict server.
type API struct {
	chat *room.Chat
	door *socket.Door
}

var _ chatrelayapi.StrictServerInterface = (*API)(nil)

// New serves chat; sockets come in through door.
func New(chat *room.Chat, door *socket.Door) *API { return &API{chat: chat, door: door} }

// Register adds the routes.
func (a *API) Register(engine *gin.Engine) {
	engine.Use(a.firewall)
	strict := chatrelayapi.NewStrictHandlerWithOptions(a, []chatrelayapi.StrictMiddlewareFunc{withHandshake}, chatrelayapi.StrictGinServerOptions{
		RequestErrorHandlerFunc:  httpkit.OnRequestError,
		HandlerErrorFunc:         httpkit.OnHandlerError,
		ResponseErrorHandlerFunc: httpkit.OnResponseError,
	})
	chatrelayapi.RegisterHandlersWithOptions(engine, strict, chatrelayapi.GinServerOptions{ErrorHandler: httpkit.OnRouteError})
}

// firewall refuses what a verdict refuses, as the gateway did before: a revoked session's token is good for minutes,
// and a service trusts no other one to have looked. Sockets ask for themselves, of more.
func (a *API) firewall(c *gin.Context) {
	r := httpkit.RequestOf(c.Request.Context())
	if r.Person == nil {
		return
	}
	if err := a.door.Admit(r.Address, r.Person.Account, r.Person.Session); err != nil {
		httpkit.Fail(c, err)
	}
}

// handshakeKey is of the request that asks for a socket, in its own context: all that the generated server hands on.
type handshakeKey struct{}

func withHandshake(next chatrelayapi.StrictHandlerFunc, operation string) chatrelayapi.StrictHandlerFunc {
	if operation != "OpenChat" {
		return next
	}
	return func(c *gin.Context, request any) (any, error) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), handshakeKey{}, c))
		return next(c, request)
	}
}

// opened is the answer to a handshake that has become a socket: it is written already.
type opened struct{}

// VisitOpenChatResponse implements the generated response.
func (opened) VisitOpenChatResponse(http.ResponseWriter) error { return nil }

// OpenChat answers the handshake; the socket then runs by itself.
func (a *API) OpenChat(ctx context.Context, _ chatrelayapi.OpenChatRequestObject) (chatrelayapi.OpenChatResponseObject, error) {
	c, ok := ctx.Value(handshakeKey{}).(*gin.Context)
	if !ok {
		return nil, errors.New("httpapi: a handshake without its request")
	}
	if err := a.door.Open(c.Writer, c.Request, origin(ctx)); err != nil {
		return nil, err
	}
	return opened{}, nil
}

// ListConversations returns a page of one's own.
func (a *API) ListConversations(ctx context.Context, req chatrelayapi.ListConversationsRequestObject) (chatrelayapi.ListConversationsResponseObject, error) {
	list, next, err := a.chat.Conversations(ctx, account(ctx), orElse(req.Params.Cursor, ""), orElse(req.Params.Limit, defaultPage))
	if err != nil {
		return nil, err
	}
	page := chatrelayapi.ListConversations200JSONResponse{Conversations: each(list, conversation)}
	if next != "" {
		page.NextCursor = &next
	}
	return page, nil
}

// CreateConversation starts one, or finds the direct one with the same person.
func (a *API) CreateConversation(ctx context.Context, req chatrelayapi.CreateConversationRequestObject) (chatrelayapi.CreateConversationResponseObject, error) {
	c, err := a.chat.Start(ctx, account(ctx), origin(ctx), room.NewConversation{
		Kind: string(req.Body.Kind), Title: orElse(req.Body.Title, ""), UserNames: req.Body.Members,
	})
	if err != nil {
		return nil, err
	}
	return chatrelayapi.CreateConversation201JSONResponse(conversation(c)), nil
}

// GetConversation returns one that the person is in.
func (a *API) GetConversation(ctx context.Context, req chatrelayapi.GetConversationRequestObject) (chatrelayapi.GetConversationResponseObject, error) {
	c, err := a.chat.Conversation(ctx, account(ctx), req.ConversationId)
	if err != nil {
		return nil, err
	}
	return chatrelayapi.GetConversation200JSONResponse(conversation(c)), nil
}

// ListMessages returns messages before a number, newest first.
func (a *API) ListMessages(ctx context.Context, req chatrelayapi.ListMessagesRequestObject) (chatrelayapi.ListMessagesResponseObject, error) {
	list, _, err := a.chat.Page(ctx, account(ctx), req.ConversationId, orElse(req.Params.Before, 0), orElse(req.Params.Limit, defaultPage))
	if err != nil {
		return nil, err
	}
	return chatrelayapi.ListMessages200JSONResponse{Messages: each(list, message)}, nil
}

// account is the person behind the request: httpkit refused every request without one.
func account(ctx context.Context) string { return httpkit.RequestOf(ctx).Person.Account }

func origin(ctx context.Context) record.Origin {
	r := httpkit.RequestOf(ctx)
	return record.Origin{Address: r.Address, UserAgent: r.UserAgent, RequestID: r.ID}
}

// orElse is an optional parameter, or what stands for it.
func orElse[T any](v *T, otherwise T) T {
	if v == nil {
		return otherwise
	}
	return *v
}
