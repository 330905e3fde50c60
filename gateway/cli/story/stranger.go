package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// answer is what a stranger sees of one, without what differs between any two.
type answer struct {
	call    string
	status  int
	headers []string
	body    string
}

// sameForStrangers plays the same recovery for a name that doesn't exist and for
// ana's, and compares every answer byte for byte (V15). It speaks HTTP itself,
// so that nothing of the SDK smooths a difference over.
func (p *play) sameForStrangers(ctx context.Context) error {
	unknown, err := p.tries(ctx, "eve-"+letters(8))
	if err != nil {
		return err
	}
	known, err := p.tries(ctx, p.ana.name)
	if err != nil {
		return err
	}
	// The text that ana's name brought is looked at here, and not taken for another.
	if _, err := p.code(ctx, p.phoneA); err != nil {
		return err
	}
	for i := range unknown {
		u, k := unknown[i], known[i]
		if u.status != k.status || u.body != k.body || !slices.Equal(u.headers, k.headers) {
			return differs(fmt.Sprintf("%s to answer %d %s %v", u.call, u.status, u.body, u.headers), fmt.Sprintf("%d %s %v for ana", k.status, k.body, k.headers))
		}
	}
	return nil
}

// tries is what a stranger tries with a name.
func (p *play) tries(ctx context.Context, name string) ([]answer, error) {
	address := v6()
	start, raw, err := p.raw(ctx, address, "", http.MethodPost, "/v1/recoveries", map[string]any{"identifier": name})
	if err != nil {
		return nil, err
	}
	var started struct {
		Recovery struct{ ID string }
		Secret   string
	}
	if err := json.Unmarshal(raw, &started); err != nil || started.Secret == "" {
		return nil, differs("a started recovery with its secret", fmt.Sprint(start.status))
	}
	answers := []answer{start}
	at := "/v1/recoveries/" + started.Recovery.ID
	for _, next := range []struct {
		method, path string
		body         any
	}{
		{http.MethodGet, "", nil},
		{http.MethodPost, "/completion", map[string]any{"new_password": p.newPassword()}},
		{http.MethodPost, "/codes", map[string]any{}},
		{http.MethodPost, "/codes", map[string]any{"number": mobile()}},
		{http.MethodPost, "/evidence", map[string]any{"method": "sms", "code": "00000000"}},
		{http.MethodPost, "/evidence", map[string]any{"method": "saved_code", "code": "ZZZZ-ZZZZ-ZZZZ-ZZZZ"}},
		{http.MethodGet, "", nil},
		{http.MethodPost, "/completion", map[string]any{"new_password": p.newPassword()}},
	} {
		if next.path == "/codes" { // the second would come too soon: when exactly it may be sent differs, and tells nothing
			if err := p.travel(ctx, 2*time.Minute); err != nil {
				return nil, err
			}
		}
		a, _, err := p.raw(ctx, address, started.Secret, next.method, at+next.path, next.body)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// varying is what differs between any two answers.
var varying = []struct {
	is *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`rec_[0-9a-z]{24}`), "rec_X"},
	{regexp.MustCompile(`"secret":"[A-Za-z0-9_-]{43}"`), `"secret":"X"`},
	{regexp.MustCompile(`"request_id":"[A-Za-z0-9_-]+"`), `"request_id":"X"`},
	{regexp.MustCompile(`"resend_after":[1-9][0-9]*`), `"resend_after":X`}, // spread by the recovery's id, so that clients don't come in step
	{regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`), "T"},
}

func (p *play) raw(ctx context.Context, address, secret, method, path string, body any) (answer, []byte, error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{}, nil, err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(p.opts.URL, "/")+path, payload)
	if err != nil {
		return answer{}, nil, err
	}
	req.Header.Set("X-Dev-Address", address)
	if payload != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if secret != "" {
		req.Header.Set("Authorization", "Recovery "+secret)
	}
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return answer{}, nil, err
	}
	seen := answer{call: method + " " + regexp.MustCompile(`rec_[0-9a-z]+`).ReplaceAllString(path, "rec_X"), status: res.StatusCode, body: string(text)}
	for _, v := range varying {
		seen.body = v.is.ReplaceAllString(seen.body, v.as)
	}
	for name, values := range res.Header {
		switch name {
		case "Date", "X-Request-Id", "Content-Length": // the length follows from the time's trailing zeros
			continue
		case "Ratelimit", "Ratelimit-Policy", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset": // seconds run down
			values = nil
		}
		seen.headers = append(seen.headers, name+": "+strings.Join(values, ","))
	}
	slices.Sort(seen.headers)
	return seen, text, nil
}
