package httpapi

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"centinela/openapi/gen/auditapi"
	"centinela/services/audit/internal/firewall"
	"centinela/services/audit/internal/ledger"
	"centinela/services/audit/internal/places"
	"centinela/shared/auditlink"
	"centinela/shared/clock"
	"centinela/shared/fault"
	"centinela/shared/httpkit"
	"centinela/shared/record"
	"centinela/shared/svcauth"
)

const defaultLimit = 50

// API answers audit's operations.
type API struct {
	Service   string // in whose name its own events are written
	Ledger    *ledger.Ledger
	Places    *places.Places
	Firewall  *firewall.Firewall
	Clock     clock.Clock
	Operators *svcauth.Verifier
	Record    func(ctx context.Context, events ...record.Event) error // its own events
	Ingest    prometheus.Observer                                     // seconds a shipment took
}

// Register puts the operations on the server's engine, which must run OperatorOnly.
func (a *API) Register(engine *gin.Engine) {
	handler := auditapi.NewStrictHandlerWithOptions(a, nil, auditapi.StrictGinServerOptions{
		RequestErrorHandlerFunc:  httpkit.OnRequestError,
		HandlerErrorFunc:         httpkit.OnHandlerError,
		ResponseErrorHandlerFunc: httpkit.OnResponseError,
	})
	auditapi.RegisterHandlersWithOptions(engine, handler, auditapi.GinServerOptions{ErrorHandler: httpkit.OnRouteError})
}

// ErrOtherService is a service that writes in another's name (R4.1).
var ErrOtherService = fault.New(fault.KindForbidden, fault.CodeForbidden, "a service may record events in its own name only")

// IngestEvents records a shipment of the calling service's log.
func (a *API) IngestEvents(ctx context.Context, request auditapi.IngestEventsRequestObject) (auditapi.IngestEventsResponseObject, error) {
	timer := prometheus.NewTimer(a.Ingest)
	defer timer.ObserveDuration()
	shipment, err := auditlink.ReadShipment(request.Body)
	if err != nil {
		return nil, err
	}
	if service, _, _ := strings.Cut(shipment.Source, "/"); service != httpkit.RequestOf(ctx).Caller {
		return nil, ErrOtherService
	}
	held, err := a.Ledger.Ingest(ctx, shipment)
	if err != nil {
		return nil, err
	}
	return auditapi.IngestEvents200JSONResponse{N: held.N, Hash: held.Hash.String()}, nil
}

// ListMyActivity shows a person what happened on the own account.
func (a *API) ListMyActivity(ctx context.Context, request auditapi.ListMyActivityRequestObject) (auditapi.ListMyActivityResponseObject, error) {
	person := httpkit.RequestOf(ctx).Person
	page, err := a.Ledger.Activity(ctx, person.Account, classOf(request.Params.Class), value(request.Params.Cursor), limitOf(request.Params.Limit))
	if err != nil {
		return nil, err
	}
	return auditapi.ListMyActivity200JSONResponse(activityPageOf(page)), nil
}

// GetPlace says whether an address is in one of an account's usual networks.
func (a *API) GetPlace(ctx context.Context, request auditapi.GetPlaceRequestObject) (auditapi.GetPlaceResponseObject, error) {
	familiarity, err := a.Places.Familiarity(ctx, request.AccountId, request.Params.Address)
	if err != nil {
		return nil, err
	}
	return auditapi.GetPlace200JSONResponse{Familiarity: auditapi.PlaceFamiliarity(familiarity)}, nil
}

// WatchVerdicts is the verdict feed.
func (a *API) WatchVerdicts(ctx context.Context, request auditapi.WatchVerdictsRequestObject) (auditapi.WatchVerdictsResponseObject, error) {
	wait := time.Duration(value(request.Params.WaitMs)) * time.Millisecond
	page, err := a.Firewall.Watch(ctx, value(request.Params.Cursor), wait)
	if err != nil {
		return nil, err
	}
	body, err := auditlink.EncodePage(page)
	if err != nil {
		return nil, err
	}
	return auditapi.WatchVerdicts200ApplicationxNdjsonResponse{Body: bytes.NewReader(body), ContentLength: int64(len(body))}, nil
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func limitOf(p *int) int {
	if p == nil {
		return defaultLimit
	}
	return *p
}
