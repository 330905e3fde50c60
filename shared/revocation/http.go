package revocation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Doer is the part of a client that HTTPFetch needs: shared/httpkit.Client, or *http.Client.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// maxPage bounds an answer: auth sends at most 1,000 entries at once, of about 100 bytes.
const maxPage = 1 << 20

// HTTPFetch asks GET /internal/revocations (openapi/auth.yaml) at the URL of that path; url is asked each time, because
// the address may be known only after start.
func HTTPFetch(doer Doer, feedURL func() string) Fetch {
	return func(ctx context.Context, since string, wait time.Duration) (Page, error) {
		query := url.Values{"wait_ms": {strconv.FormatInt(wait.Milliseconds(), 10)}}
		if since != "" {
			query.Set("since", since)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, feedURL()+"?"+query.Encode(), nil)
		if err != nil {
			return Page{}, fmt.Errorf("revocations: %w", err)
		}
		resp, err := doer.Do(req)
		if err != nil {
			return Page{}, fmt.Errorf("revocations: %w", err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
		if err != nil {
			return Page{}, fmt.Errorf("revocations: %w", err)
		}
		if resp.StatusCode != http.StatusOK {
			return Page{}, fmt.Errorf("revocations: status %d", resp.StatusCode)
		}
		var page Page
		if err := json.Unmarshal(body, &page); err != nil || page.Next == "" || len(body) > maxPage {
			return Page{}, fmt.Errorf("revocations: the answer is not a page of the feed")
		}
		return page, nil
	}
}
