package peers

import (
	"context"

	"centinela/openapi/gen/auditclient"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/shared/httpkit"
	"centinela/shared/record"
)

// Audit is claim.Places over HTTP, and the sink of the outbox.
type Audit struct {
	client *auditclient.Client
}

var _ claim.Places = (*Audit)(nil)

// NewAudit wraps the client of the peer, which finds its address at each call.
func NewAudit(client *httpkit.Client) (*Audit, error) {
	c, err := auditclient.NewClient("http://audit", auditclient.WithHTTPClient(client))
	if err != nil {
		return nil, err
	}
	return &Audit{client: c}, nil
}

// Familiarity implements claim.Places.
func (a *Audit) Familiarity(ctx context.Context, account, address string) (engine.Known, error) {
	place, err := read[auditclient.Place](a.client.GetPlace(ctx, account, &auditclient.GetPlaceParams{Address: address}))
	if err != nil {
		return engine.Unknown, err
	}
	switch place.Familiarity {
	case auditclient.PlaceFamiliarityFamiliar:
		return engine.Yes, nil
	case auditclient.PlaceFamiliarityUnfamiliar:
		return engine.No, nil
	default:
		return engine.Unknown, nil
	}
}

// Ingest is an outbox.Sink: nil when audit has all events on disk.
func (a *Audit) Ingest(ctx context.Context, events []record.Event) error {
	batch := auditclient.EventBatch{Events: make([]auditclient.Event, len(events))}
	for i, e := range events {
		batch.Events[i] = wireEvent(e)
	}
	_, err := read[auditclient.IngestResult](a.client.IngestEvents(ctx, batch))
	return err
}

func wireEvent(e record.Event) auditclient.Event {
	w := auditclient.Event{
		Id: e.ID, Time: e.Time, Service: e.Service, Action: e.Action, Outcome: auditclient.EventOutcome(e.Outcome),
		Account: optional(e.Account), Session: optional(e.Session), Target: optional(e.Target), Address: optional(e.Address),
		Device: optional(e.Device), UserAgent: optional(e.UserAgent), RequestId: optional(e.RequestID), Reason: optional(e.Reason),
	}
	if len(e.Data) > 0 {
		w.Data = &e.Data
	}
	return w
}
