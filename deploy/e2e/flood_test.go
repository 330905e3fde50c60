package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// A flood of strangers' sign-ins, each for another name and from another address,
// takes nothing from who is inside: a session goes on, and a device that the
// account knows signs in (R2.1, R2.2; design: auth, "Parameters"). The flood is
// told to come back, and nothing in it breaks.
func TestFloodOfSignIns(t *testing.T) {
	s := start(t, together, onSQLite)
	ctx, cancel := context.WithTimeout(t.Context(), scenarioTime)
	defer cancel()
	ana := s.join(ctx)

	flooding, stop := context.WithCancel(ctx)
	var flood sync.WaitGroup
	var busy atomic.Int64
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	for i := range 60 {
		flood.Go(func() {
			for n := 0; flooding.Err() == nil; n++ {
				code, err := tryIn(flooding, client, s.URL, i, n)
				switch {
				case flooding.Err() != nil:
				case err != nil:
					t.Errorf("the flood: %v", err)
				case code == http.StatusServiceUnavailable:
					busy.Add(1)
				case code != http.StatusUnauthorized:
					t.Errorf("the flood: status %d", code)
				}
			}
		})
	}
	defer flood.Wait()
	defer stop()
	for busy.Load() == 0 && ctx.Err() == nil {
		if _, err := ana.session.Me(ctx); err != nil {
			t.Errorf("her session, before the flood is at its height: %v", err)
		}
	}
	for i := range 5 {
		if _, err := ana.session.Me(ctx); err != nil {
			t.Errorf("her session, call %d: %v", i, err)
		}
		if _, err := ana.client.SignIn(ctx, ana.name, password); err != nil {
			t.Errorf("sign-in %d from the device that she uses: %v", i, err)
		}
	}
}

// tryIn is one sign-in of nobody's.
func tryIn(ctx context.Context, client *http.Client, url string, i, n int) (int, error) {
	body := fmt.Sprintf(`{"identifier":"nobody%d-%d","password":"no such password anywhere"}`, i, n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/sessions", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Dev-Address", fmt.Sprintf("2001:db8:%x:%x::1", i+1, n%0xffff))
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
