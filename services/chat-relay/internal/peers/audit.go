package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"centinela/openapi/gen/auditclient"
	"centinela/shared/httpkit"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// Audit is audit as the relay sees it.
type Audit struct {
	api *auditclient.Client
}

// NewAudit talks through client, which must allow for the long poll of Verdicts.
func NewAudit(client *httpkit.Client) *Audit {
	// The client replaces scheme and host at each call; a constant URL always parses.
	api, err := auditclient.NewClient("http://audit", auditclient.WithHTTPClient(client))
	if err != nil {
		panic("peers: " + err.Error())
	}
	return &Audit{api: api}
}

// Ingest records events; it is an outbox.Sink. record.Event has the wire's form.
func (a *Audit) Ingest(ctx context.Context, events []record.Event) error {
	body, err := json.Marshal(struct {
		Events []record.Event `json:"events"`
	}{events})
	if err != nil {
		return fmt.Errorf("encode events: %w", err)
	}
	_, err = httpkit.Read[auditclient.IngestResult](a.api.IngestEventsWithBody(ctx, "application/json", bytes.NewReader(body)))
	return err
}

// Verdicts is a verdicts.Fetch: what is newer than version, waited for.
func (a *Audit) Verdicts(ctx context.Context, version int64, wait time.Duration) (verdicts.Delta, error) {
	millis := int(wait.Milliseconds())
	params := &auditclient.WatchVerdictsParams{WaitMs: &millis}
	if version != verdicts.NoVersion {
		params.Version = &version
	}
	return httpkit.Read[verdicts.Delta](a.api.WatchVerdicts(ctx, params)) // its form is the wire's
}
