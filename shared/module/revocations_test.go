package module

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"centinela/shared/fault"
	"centinela/shared/httpkit/httpkittest"
)

// AG D2: auth's feed is asked as openapi/auth.yaml says, and what isn't a page of it is an error.
func TestRevocations(t *testing.T) {
	asked, answer, status := "", `{"revocations":[{"kind":"session","id":"ses_1","until":"2026-11-24T10:00:00Z"}],"next":"a.1&x","more":true}`, http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer) // the client may have gone
	}))
	defer server.Close()
	fetch := revocations(httpkittest.NewServices(t).Client(Gateway, Auth, server.URL))
	got, err := fetch(t.Context(), "", 5*time.Second)
	if err != nil || len(got.Revocations) != 1 || got.Revocations[0].ID != "ses_1" || got.Next != "a.1&x" || !got.More {
		t.Errorf("%+v, %v", got, err)
	}
	if asked != "/internal/revocations?wait_ms=5000" {
		t.Errorf("asked %s", asked)
	}
	if _, err := fetch(t.Context(), got.Next, 0); err != nil || asked != "/internal/revocations?since=a.1%26x&wait_ms=0" {
		t.Errorf("asked %s, %v", asked, err)
	}
	answer = "{"
	if _, err := fetch(t.Context(), "", 0); err == nil {
		t.Error("half a page is taken")
	}
	status = http.StatusServiceUnavailable
	if _, err := fetch(t.Context(), "", 0); fault.From(err).Kind != fault.KindUnavailable {
		t.Errorf("503: %v", err)
	}
}
