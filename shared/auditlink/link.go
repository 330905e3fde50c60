package auditlink

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"centinela/shared/httpkit"
	"centinela/shared/outbox"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// base is replaced by the client at each call.
const base = "http://audit"

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// Link talks to audit through a client.
type Link struct{ client *httpkit.Client }

// New is a Link; calls that wait (Verdicts) need a client for long ones.
func New(client *httpkit.Client) *Link { return &Link{client: client} }

// Ingest is an outbox.Sink.
func (l *Link) Ingest(ctx context.Context, s outbox.Shipment) (record.Head, error) {
	body, err := Encode(s)
	if err != nil {
		return record.Head{}, fmt.Errorf("encode a shipment: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/internal/events", bytes.NewReader(body))
	if err != nil {
		return record.Head{}, err
	}
	req.Header.Set("Content-Type", MediaType)
	var answer held
	if err := l.do(req, &answer); err != nil {
		return record.Head{}, err
	}
	return answer.head()
}

// Verdicts is a verdicts.Fetch: what is newer than version, waited for.
func (l *Link) Verdicts(ctx context.Context, version int64, wait time.Duration) (verdicts.Delta, error) {
	url := base + "/internal/verdicts?wait_ms=" + strconv.FormatInt(wait.Milliseconds(), 10)
	if version != verdicts.NoVersion {
		url += "&version=" + strconv.FormatInt(version, 10)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return verdicts.Delta{}, err
	}
	var delta verdicts.Delta // its form is the wire's
	return delta, l.do(req, &delta)
}

// do reads an answer of 200 as JSON; any other is the problem that it says.
func (l *Link) do(req *http.Request, into any) error {
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read audit's answer: %w", err)
	}
	if err := httpkit.Expect(resp.StatusCode, resp.Header, body, http.StatusOK); err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("read audit's answer: %w", err)
	}
	return nil
}
