package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"centinela/gateway"
	"centinela/shared/clock"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

// BenchmarkGateway compares the gateway with everything on (limits, firewall, rate
// limits, token, validation, log line, metrics) with a bare gin and
// httputil.ReverseProxy in front of the same service (gateway design, "Cost": at
// least 0.7 of its requests/s; CPU at most 1.15 times for a GET, 1.2 for a POST).
// It is measured in slices that alternate; the CPU of the client and the service,
// which are in this process too, is that of asking the service itself, and is taken
// off. make bench measures the same in processes of their own.
func BenchmarkGateway(b *testing.B) {
	for name, request := range map[string]func(url, token string) *http.Request{
		"get": func(url, token string) *http.Request {
			return benchRequest(b, "GET", url+"/v1/me", "", token)
		},
		"post": func(url, token string) *http.Request {
			return benchRequest(b, "POST", url+"/v1/accounts", goodAccount, token)
		},
	} {
		b.Run(name, func(b *testing.B) { compare(b, request) })
	}
}

func compare(b *testing.B, request func(url, token string) *http.Request) {
	ids, people := httpkittest.NewServices(b), httpkittest.NewPeople(b, clock.Real())
	auth := newAuth(b, ids, people).server.Config.Handler
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/me" && r.URL.Path != "/v1/accounts" { // keys, and who was signed out
			auth.ServeHTTP(w, r)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // a body in memory of the test's client
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, accountBody)
	}))
	b.Cleanup(upstream.Close)
	protected := benchGateway(b, upstream.URL, ids, people)
	bare := benchBare(b, upstream.URL)
	token := people.Token(account, session)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.Cleanup(client.CloseIdleConnections)

	one := func(url string) {
		resp, err := client.Do(request(url, token))
		if err != nil {
			b.Error(err)
			return
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			b.Errorf("%d %v", resp.StatusCode, err)
		}
	}
	one(bare)
	one(protected)
	took, cpu := map[string]time.Duration{}, map[string]time.Duration{}
	b.ReportAllocs()
	b.SetParallelism(8)
	const slices = 10
	n := b.N
	b.ResetTimer()
	for range slices {
		for _, url := range []string{bare, protected, upstream.URL} {
			b.N = max(n/slices, 1) //nolint:staticcheck // SA3001: all sides alternate within one run, in slices of it
			began, used := time.Now(), cpuTime(b)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					one(url)
				}
			})
			took[url] += time.Since(began)
			cpu[url] += cpuTime(b) - used
		}
	}
	b.N = n //nolint:staticcheck // SA3001: as above
	per := float64(slices * max(n/slices, 1))
	b.ReportMetric(per/took[protected].Seconds(), "gateway-req/s")
	b.ReportMetric(per/took[bare].Seconds(), "bare-req/s")
	b.ReportMetric(took[bare].Seconds()/took[protected].Seconds(), "ratio")
	ours, theirs := (cpu[protected] - cpu[upstream.URL]).Seconds(), (cpu[bare] - cpu[upstream.URL]).Seconds()
	b.ReportMetric(1e6*ours/per, "gateway-µs-cpu")
	b.ReportMetric(1e6*theirs/per, "bare-µs-cpu")
	b.ReportMetric(ours/theirs, "cpu-ratio")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchRequest(b *testing.B, method, url, body, token string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(b.Context(), method, url, reader)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "bench/1.0 (a browser says a little more)")
	return req
}

// benchBare is the baseline: the same pool of connections, and nothing else.
func benchBare(b *testing.B, upstream string) string {
	target, err := url.Parse(upstream)
	if err != nil {
		b.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	rp := &httputil.ReverseProxy{
		Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
	handler := func(c *gin.Context) { rp.ServeHTTP(c.Writer, c.Request) }
	engine.GET("/v1/me", handler)
	engine.POST("/v1/accounts", handler)
	server := httptest.NewServer(engine)
	b.Cleanup(server.Close)
	return server.URL
}

func benchGateway(b *testing.B, upstream string, ids *httpkittest.Services, people *httpkittest.People) string {
	audit := newAudit(b, ids, people)
	var many []verdicts.Verdict
	for i := range 1000 {
		many = append(many, refuse(verdicts.KindIP, net.IPv4(203, 0, byte(i>>8), byte(i)).String()))
	}
	audit.Put(many...)
	cfg := gateway.DefaultConfig()
	cfg.Rates.Default, cfg.Rates.SignUp = "1000000000-H", "1000000000-H"
	m, err := gateway.New(b.Context(), cfg, module.Deps{
		Service: module.Gateway, Log: obs.NewLogger(io.Discard, "gateway", "info", obs.FormatJSON), Registry: obs.NewRegistry(module.Gateway), Clock: clock.Real(),
		Signer: ids.Signer(module.Gateway), Keyring: ids, Store: module.Store{Dir: b.TempDir()},
		PeerURL: func(service string) string {
			if service == module.Audit {
				return audit.server.URL
			}
			return upstream
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	url := "http://" + listener.Addr().String()
	if listener, err = m.Serve(server, listener); err != nil {
		b.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }() // ends with Close
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	b.Cleanup(func() {
		server.Close()
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	probe := benchRequest(b, "GET", url+"/v1/me", "", people.Token(account, session))
	testkit.Eventually(b, testkit.Patience, func() (bool, string) {
		resp, err := http.DefaultClient.Do(probe)
		if err != nil {
			return false, err.Error()
		}
		defer resp.Body.Close()
		return resp.StatusCode == http.StatusOK, resp.Status
	})
	return url
}
