package obs

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Part is one part of the process, and why it can't serve; nil when it can. The text of Err is shown to operators.
type Part struct {
	Name string
	Err  error
}

// OpsOptions is what the operations listener shows.
type OpsOptions struct {
	Metrics prometheus.Gatherers
	Ready   func() []Part // asked at each /readyz
	// Public says that the listener is meant to be reached by any name. Otherwise a Host header that is another name is
	// refused: a page in an operator's browser could read profiles and metrics by it (DNS rebinding).
	Public bool
}

// Ops is the handler of the operations listener, one per process: /metrics (all gatherers and the runtime's own
// collectors), /healthz (200 while the process answers), /readyz (200, or 503 with which part is not able and why, as text
// or, for who accepts it, JSON), /debug/pprof. It has no authentication: the listener is bound to an address that only
// operators reach.
func Ops(o OpsOptions) http.Handler {
	process := prometheus.NewRegistry()
	process.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all := append(prometheus.Gatherers{process}, o.Metrics...)

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(all, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { readiness(w, r, o.Ready()) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if o.Public {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !HostIsLocal(r.Host) {
			plain(w, http.StatusMisdirectedRequest, "this listener answers to its address and to localhost, not to another name")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// partState is a Part in the JSON of /readyz.
type partState struct {
	Name   string `json:"name"`
	Ready  bool   `json:"ready"`
	Reason string `json:"reason,omitempty"`
}

func readiness(w http.ResponseWriter, r *http.Request, parts []Part) {
	status, text := http.StatusOK, "ready"
	var states []partState
	var reasons []string
	for _, p := range parts {
		s := partState{Name: p.Name, Ready: p.Err == nil}
		if p.Err != nil {
			s.Reason = p.Err.Error()
			reasons = append(reasons, p.Name+": "+s.Reason)
		}
		states = append(states, s)
	}
	if len(reasons) > 0 {
		status, text = http.StatusServiceUnavailable, "not ready: "+strings.Join(reasons, "\n")
	}
	if !strings.Contains(r.Header.Get("Accept"), "application/json") {
		plain(w, status, text)
		return
	}
	body, err := json.Marshal(map[string]any{"ready": len(reasons) == 0, "parts": states})
	if err != nil {
		plain(w, http.StatusInternalServerError, "the state of the parts has no JSON form")
		return
	}
	write(w, status, "application/json", string(body))
}

func plain(w http.ResponseWriter, status int, text string) {
	write(w, status, "text/plain; charset=utf-8", text)
}

func write(w http.ResponseWriter, status int, mediaType, text string) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the prober may have gone; there is nobody else to tell
}
