package auth_test

import (
	"bytes"
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"centinela/services/auth"
	"centinela/shared/module/moduletest"
	"centinela/shared/secret"
)

// BenchmarkSignIn reports which share of a sign-in's CPU is argon2 at the default cost (design auth.md: at least 95 %).
// Two times of 200 ms are too noisy to subtract (it gave 94 % to 124 %), so the rest is measured by itself: the same
// sign-in with a hash of 1 MiB and one pass, which still counts as rest. So does the client in this process: the share
// is a lower bound.
func BenchmarkSignIn(b *testing.B) {
	cfg := auth.DefaultConfig()
	cfg.SignUp.Hourly = 1000
	w := newWorld(b, cfg, moduletest.OnSQLite(b), auth.New)
	w.person("ana")
	cfg.Password.HashMemory, cfg.Password.HashTime, cfg.Password.Threads = 1, 1, 1
	light := newWorld(b, cfg, moduletest.OnSQLite(b), auth.New)
	light.person("ana")
	var hash, rest time.Duration
	for b.Loop() {
		benchSignIn(b, w)

		b.StopTimer()
		before := cpu(b)
		if err := w.module.HashOnce(b.Context(), secret.NewString(goodPassword)); err != nil {
			b.Fatal(err)
		}
		hash += cpu(b) - before
		before = cpu(b)
		benchSignIn(b, light)
		rest += cpu(b) - before
		b.StartTimer()
	}
	perOp := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) / float64(b.N) }
	b.ReportMetric(100*float64(hash)/float64(hash+rest), "%CPU-argon2")
	b.ReportMetric(perOp(hash), "ms-CPU-argon2/op")
	b.ReportMetric(perOp(rest), "ms-CPU-rest/op")
}

func benchSignIn(b *testing.B, w *world) {
	b.Helper()
	body := []byte(`{"identifier":"ana","password":"` + goodPassword + `","device":{"key":"` + deviceKey + `"}}`)
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.URL+"/v1/sessions", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if err := w.Identify(r, "gateway", ""); err != nil {
		b.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusCreated {
		b.Fatal(resp.StatusCode, err)
	}
}

// cpu is what the process has used so far.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
