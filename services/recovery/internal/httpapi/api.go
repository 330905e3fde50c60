package httpapi

import (
	"context"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/objection"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/review"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/record"
	"centinela/shared/secret"
	"centinela/shared/sms/twilio"
)

// API implements the generated strict server by what its operations call.
type API struct {
	Wallets    *wallet.Service
	Claims     *claim.Service
	Objections *objection.Service
	Owners     review.Owners
	Courier    *post.Courier
	Inbox      post.Inbox      // nil outside of development
	Inbound    *twilio.Webhook // nil without Twilio
	Status     *twilio.Webhook
}

var _ recoveryapi.StrictServerInterface = (*API)(nil)

// Register puts the routes on the engine.
func (a *API) Register(engine *gin.Engine) {
	strict := recoveryapi.NewStrictHandlerWithOptions(a, nil, recoveryapi.StrictGinServerOptions{
		RequestErrorHandlerFunc: httpkit.OnRequestError, HandlerErrorFunc: httpkit.OnHandlerError, ResponseErrorHandlerFunc: httpkit.OnResponseError,
	})
	recoveryapi.RegisterHandlersWithOptions(engine, strict, recoveryapi.GinServerOptions{
		ErrorHandler: httpkit.OnRouteError, Middlewares: []recoveryapi.MiddlewareFunc{keepRaw},
	})
}

// raw is what the generated requests leave out.
type raw struct {
	secret    secret.String // of `Authorization: Recovery <secret>`
	language  string        // "es", "en", or empty: the caller names none that we speak
	signature string
	form      url.Values
}

type rawKey struct{}

// keepRaw keeps headers and form for the handlers that need them as they came.
func keepRaw(c *gin.Context) {
	r := raw{signature: c.GetHeader(twilio.SignatureHeader), language: languageOf(c.GetHeader("Accept-Language"))}
	if scheme, token, ok := strings.Cut(c.GetHeader("Authorization"), " "); ok && strings.EqualFold(scheme, "Recovery") {
		r.secret = secret.NewString(strings.TrimSpace(token))
	}
	if c.ContentType() == "application/x-www-form-urlencoded" {
		if err := c.Request.ParseForm(); err != nil {
			httpkit.OnRequestError(c, err)
			return
		}
		r.form = c.Request.PostForm
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), rawKey{}, r))
}

func rawOf(ctx context.Context) raw {
	r, _ := ctx.Value(rawKey{}).(raw)
	return r
}

func origin(ctx context.Context) record.Origin {
	r := httpkit.RequestOf(ctx)
	return record.Origin{Address: r.Address, UserAgent: r.UserAgent, RequestID: r.ID}
}

// person is who is signed in: httpkit lets nobody else through to /me.
func person(ctx context.Context) wallet.Person {
	claims := httpkit.RequestOf(ctx).Person
	return wallet.Person{Account: claims.Account, Session: claims.Session, AuthTime: claims.AuthTime}
}

var errNoRoute = fault.New(fault.KindNotFound, fault.CodeUnknownRoute, "there is no such route")
