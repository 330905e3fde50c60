package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Health asks a running part whether it is ready.
type Health struct {
	URL     string        `default:"http://127.0.0.1:9080" placeholder:"URL" help:"Operations listener of the part (${default})."`
	JSON    bool          `help:"Print one JSON object: url, ready, status (0 when nobody answered), detail."`
	Timeout time.Duration `default:"3s" help:"How long to wait for an answer (${default})."`
}

// errNotReady is the exit code 1 of a part that answers.
var errNotReady = errors.New("not ready")

// health is what --json prints.
type health struct {
	URL    string `json:"url"`
	Ready  bool   `json:"ready"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Run prints one line, or one object.
func (h Health) Run(ctx context.Context, out io.Writer) error {
	found := health{URL: h.shown()}
	err := h.ask(ctx, &found)
	switch {
	case errors.Is(err, ErrUsage):
		return err
	case h.JSON:
		return errors.Join(json.NewEncoder(out).Encode(found), err)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(out, "%s is ready\n", found.URL)
	return err
}

// shown is the URL without the password that it may hold.
func (h Health) shown() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return "--url"
	}
	return u.Redacted()
}

// ask fills in what the part says. Its error is why it isn't ready.
func (h Health) ask(ctx context.Context, found *health) error {
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(h.URL, "/")+"/readyz", nil)
	if err != nil || req.URL.Host == "" {
		return fmt.Errorf("%w: --url %q is not a URL like http://127.0.0.1:9080", ErrUsage, found.URL)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		found.Detail = "it doesn't answer"
		return fmt.Errorf("%s doesn't answer: %w", found.URL, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return fmt.Errorf("%s: %w", found.URL, err)
	}
	found.Status, found.Detail, found.Ready = res.StatusCode, oneLine(body), res.StatusCode == http.StatusOK
	if !found.Ready {
		return fmt.Errorf("%s: %w (%d): %s", found.URL, errNotReady, res.StatusCode, found.Detail)
	}
	return nil
}

// oneLine is the reason in the answer, in one line.
func oneLine(body []byte) string {
	var doc struct {
		Error  string `json:"error"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &doc) == nil && doc.Error+doc.Detail != "" {
		return doc.Error + doc.Detail
	}
	return strings.Join(strings.Fields(string(body)), " ")
}
