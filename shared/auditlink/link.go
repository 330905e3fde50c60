package auditlink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"centinela/shared/httpkit"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

// base is replaced by the client at each call.
const base = "http://audit"

// maxPage bounds a page of the feed: a page of 1,000 verdicts has some 500 KiB.
const maxPage = 16 << 20

// Link talks to audit through a client.
type Link struct{ client *httpkit.Client }

// New is a Link; calls that wait (Verdicts) need a client for long ones.
func New(client *httpkit.Client) *Link { return &Link{client: client} }

// Ingest is an outbox.Sink.
func (l *Link) Ingest(ctx context.Context, s record.Shipment) (record.Head, error) {
	body, err := Encode(s)
	if err != nil {
		return record.Head{}, fmt.Errorf("encode a shipment: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/internal/events", bytes.NewReader(body))
	if err != nil {
		return record.Head{}, err
	}
	req.Header.Set("Content-Type", MediaType)
	answer, err := httpkit.Read[held](l.client.Do(req)) //nolint:bodyclose // Read closes it
	if err != nil {
		return record.Head{}, err
	}
	return answer.head()
}

// Verdicts is a verdicts.Fetch: the page of the feed behind a cursor, waited for.
func (l *Link) Verdicts(ctx context.Context, cursor string, wait time.Duration) (verdicts.Page, error) {
	query := url.Values{"wait_ms": {strconv.FormatInt(wait.Milliseconds(), 10)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/internal/verdicts?"+query.Encode(), http.NoBody)
	if err != nil {
		return verdicts.Page{}, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return verdicts.Page{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err == nil {
		err = httpkit.Expect(resp.StatusCode, resp.Header, body, http.StatusOK)
	}
	if err != nil {
		return verdicts.Page{}, err
	}
	return ReadPage(bytes.NewReader(body))
}
