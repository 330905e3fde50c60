package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"centinela/openapi/gen/auditclient"
	"centinela/shared/httpkit"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// Audit is audit as the relay sees it.
type Audit struct {
	api *auditclient.ClientWithResponses
}

// NewAudit talks through client, which must allow for the long poll of Verdicts.
func NewAudit(client *httpkit.Client) (*Audit, error) {
	// The client replaces scheme and host at each call.
	api, err := auditclient.NewClientWithResponses("http://audit", auditclient.WithHTTPClient(client))
	return &Audit{api: api}, err
}

// Ingest records events; it is an outbox.Sink. record.Event has the wire's form.
func (a *Audit) Ingest(ctx context.Context, events []record.Event) error {
	body, err := json.Marshal(struct {
		Events []record.Event `json:"events"`
	}{events})
	if err != nil {
		return fmt.Errorf("encode events: %w", err)
	}
	resp, err := a.api.IngestEventsWithBodyWithResponse(ctx, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return httpkit.Expect(resp.StatusCode(), resp.HTTPResponse.Header, resp.Body, http.StatusOK)
}

// Verdicts is a verdicts.Fetch: what is newer than version, waited for.
func (a *Audit) Verdicts(ctx context.Context, version int64, wait time.Duration) (verdicts.Delta, error) {
	millis := int(wait.Milliseconds())
	params := &auditclient.WatchVerdictsParams{WaitMs: &millis}
	if version != verdicts.NoVersion {
		params.Version = &version
	}
	resp, err := a.api.WatchVerdictsWithResponse(ctx, params)
	if err != nil {
		return verdicts.Delta{}, err
	}
	if err := httpkit.Expect(resp.StatusCode(), resp.HTTPResponse.Header, resp.Body, http.StatusOK); err != nil {
		return verdicts.Delta{}, err
	}
	var delta verdicts.Delta // its form is the wire's
	if err := json.Unmarshal(resp.Body, &delta); err != nil {
		return verdicts.Delta{}, fmt.Errorf("verdict feed: %w", err)
	}
	return delta, nil
}
