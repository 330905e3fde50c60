package story

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/openapi/sdk"
)

// oracle is a suite that answers a stranger, and may tell ana's name by one thing.
type oracle struct {
	tell string // what gives ana's name away: "", status, body, header
	ana  string

	mu    sync.Mutex
	hours int
	known bool
}

func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	o.hours++ // what differs between any two answers: times, ids, secrets
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(o.hours) * time.Hour)
	id := fmt.Sprintf("rec_%024d", o.hours)
	switch r.URL.Path {
	case "/dev/clock":
		fmt.Fprintf(w, `{"now":%q,"offset_seconds":0}`, at.Format(time.RFC3339))
		return
	case "/dev/phone":
		to, _ := json.Marshal(r.URL.Query().Get("number"))
		fmt.Fprintf(w, `{"texts":[{"id":%q,"to":%s,"at":"2030-01-01T00:00:00Z","body":"your code\n@host #12345678"}]}`, id, to)
		return
	case "/v1/recoveries":
		o.known = strings.Contains(string(body), o.ana)
	}
	status := http.StatusOK
	if o.known {
		switch o.tell {
		case "status":
			status = http.StatusConflict
		case "header":
			w.Header().Set("X-Lane", "known")
		}
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"recovery":{"id":%q,"expires_at":%q},"secret":"%043d"`, id, at.Format(time.RFC3339), o.hours)
	if o.known && o.tell == "body" && strings.HasSuffix(r.URL.Path, "/evidence") {
		_, _ = io.WriteString(w, `,"masked":"321"`)
	}
	_, _ = io.WriteString(w, "}")
}

// V15: the step passes when all answers are alike, and fails at any thing that tells ana's name from an unknown one.
func TestSameForStrangers(t *testing.T) {
	for _, tell := range []string{"", "status", "body", "header"} {
		t.Run("told by "+tell, func(t *testing.T) {
			o := &oracle{tell: tell, ana: "ana-x"}
			server := httptest.NewServer(o)
			defer server.Close()
			client, err := sdk.New(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdle()
			p := &play{
				opts: Options{URL: server.URL}, dev: client.Dev(), seen: map[string]bool{},
				ana: &person{name: "ana-x", client: client}, phoneA: &phone{number: mobile()},
			}
			err = p.sameForStrangers(t.Context())
			if tell == "" && err != nil || tell != "" && !errors.Is(err, ErrDiffers) {
				t.Errorf("got %v", err)
			}
		})
	}
}
