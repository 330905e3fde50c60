package peers

import (
	"context"

	"centinela/openapi/gen/auditclient"
	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/shared/httpkit"
)

// Audit is claim.Places over HTTP.
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
	place, err := httpkit.Read[auditclient.Place](a.client.GetPlace(ctx, account, &auditclient.GetPlaceParams{Address: address}))
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
