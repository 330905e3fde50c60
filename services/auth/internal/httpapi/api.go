package httpapi

import (
	"github.com/gin-gonic/gin"

	"centinela/openapi/gen/authapi"
	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/revoked"
	"centinela/shared/access"
	"centinela/shared/httpkit"
)

// API is the generated strict server over the use cases.
type API struct {
	service *account.Service
	ended   *revoked.Log
	keys    access.KeySource
}

var _ authapi.StrictServerInterface = (*API)(nil)

// New returns the API; ended is the feed of ended sessions, keys are what the JWKS endpoint publishes.
func New(service *account.Service, ended *revoked.Log, keys access.KeySource) *API {
	return &API{service: service, ended: ended, keys: keys}
}

// Register puts all operations on engine, with the error hooks that keep errors from clients.
func (a *API) Register(engine *gin.Engine) {
	strict := authapi.NewStrictHandlerWithOptions(a, nil, authapi.StrictGinServerOptions{
		RequestErrorHandlerFunc:  httpkit.OnRequestError,
		HandlerErrorFunc:         httpkit.OnHandlerError,
		ResponseErrorHandlerFunc: httpkit.OnResponseError,
	})
	authapi.RegisterHandlersWithOptions(engine, strict, authapi.GinServerOptions{ErrorHandler: httpkit.OnRouteError})
}

// Admit is the step between authentication and validation: a verified token counts only while its session lives, and
// what account.FreshOnly lists takes a fresh sign-in.
func (a *API) Admit(c *gin.Context) {
	ctx := c.Request.Context()
	if person := httpkit.RequestOf(ctx).Person; person != nil {
		if err := a.service.Admit(ctx, personOf(ctx), httpkit.OperationOf(ctx)); err != nil {
			httpkit.Fail(c, err)
			return
		}
	}
	c.Next()
}
