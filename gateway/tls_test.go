package gateway_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/gateway/internal/edge"
	"centinela/shared/clock"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/testkit"
	"centinela/shared/verdicts"
)

// certificate writes a self-made certificate and its key.
func certificate(t testing.TB) (files gateway.TLSConfig, pool *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	files = gateway.TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	return files, renew(t, files, 1)
}

// renew writes another pair into files.
func renew(t testing.TB, files gateway.TLSConfig, serial int64) (pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		files.CertFile: {Type: "CERTIFICATE", Bytes: der}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

// TestTLS: with certificate files the gateway speaks TLS 1.2 or later and HTTP/2
// and 1.1, and tells browsers to stay with it.
func TestTLS(t *testing.T) {
	files, pool := certificate(t)
	s := start(t, production, config(func(c *gateway.Config) { c.TLS = files }))
	for proto, h2 := range map[string]bool{"HTTP/2.0": true, "HTTP/1.1": false} {
		s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2}
		s.ready()
		got := s.get("/v1/me", person(s.token())).ok(t)
		secured(t, got)
		if got.proto != proto || !strings.HasPrefix(got.header.Get("Strict-Transport-Security"), "max-age=31536000") {
			t.Errorf("%s: HSTS %q", got.proto, got.header.Get("Strict-Transport-Security"))
		}
		if proto == "HTTP/2.0" {
			big := s.send("POST", "/v1/accounts", strings.Repeat(" ", 1<<20))
			big.refused(t, 413, "body_too_large")
		}
		s.client.CloseIdleConnections()
	}
	if _, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if plain := start(t).ready().get("/"); plain.header.Get("Strict-Transport-Security") != "" {
		t.Error("HSTS without TLS")
	}
	if behind := start(t, config(func(c *gateway.Config) { c.Proxy.TerminatesTLS = true })).get("/"); behind.header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS behind a proxy with TLS")
	}
}

// TestHeaderLimitUnderTLS: also there a 100 KiB header is 431, and the connection ends.
func TestHeaderLimitUnderTLS(t *testing.T) {
	files, pool := certificate(t)
	s := start(t, config(func(c *gateway.Config) { c.TLS = files }))
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\nX-Big: " + strings.Repeat("x", 100<<10) + "\r\n\r\n"))
	if got, closed := readAnswer(t, conn); got.status != 431 || !closed {
		t.Errorf("%s, closed %v", got, closed)
	}
}

// TestTLSFilesMissing: a certificate that can't be read is an error at start that
// names the key of the configuration.
func TestTLSFilesMissing(t *testing.T) {
	s := start(t)
	cfg := gateway.DefaultConfig()
	cfg.TLS = gateway.TLSConfig{CertFile: "/nowhere/cert.pem", KeyFile: "/nowhere/key.pem"}
	m, err := gateway.New(t.Context(), cfg, module.Deps{
		Service: module.Gateway, Log: obsLogger(t), Registry: obs.NewRegistry(module.Gateway), Clock: s.clock, Signer: s.ids.Signer(module.Gateway),
		PeerURL: func(string) string { return "" }, Store: module.Store{Dir: t.TempDir()}, Development: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Serve(&http.Server{}, nil); err == nil || !strings.Contains(err.Error(), "gateway.tls") {
		t.Errorf("Serve: %v", err)
	}
}

// TestCertificateIsRenewed (FR A26): a pair that is replaced is served to the next client; half a pair, a broken one and none
// leave the former in force, and are told once.
func TestCertificateIsRenewed(t *testing.T) {
	files, _ := certificate(t)
	clk := clock.NewManual(time.Now())
	var logs testkit.Buffer
	c, err := edge.LoadCertificate(files.CertFile, files.KeyFile, clk, obs.NewLogger(&logs, "gateway", "info", obs.FormatJSON))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		clk.Advance(time.Second)
		pair, err := c.Get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	keep := func(what string, spoil func() error) {
		t.Helper()
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		before := strings.Count(logs.String(), "stays in force")
		for range 3 {
			if got := serial(); got != 2 {
				t.Errorf("%s: certificate %d is served, want the former", what, got)
			}
		}
		if n := strings.Count(logs.String(), "stays in force") - before; n != 1 {
			t.Errorf("%s: told %d times", what, n)
		}
		if err := c.Reload(); err == nil {
			t.Errorf("%s: SIGHUP doesn't say that it can't be read", what)
		}
	}
	if got := serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	renew(t, files, 2)
	if got := serial(); got != 2 {
		t.Errorf("certificate %d is served after the renewal", got)
	}
	other, _ := certificate(t)
	keep("a key of another pair", func() error { return copyFile(other.KeyFile, files.KeyFile) })
	keep("a half-written certificate", func() error { return os.Truncate(files.CertFile, 100) })
	keep("no certificate", func() error { return os.Remove(files.CertFile) })
	renew(t, files, 3)
	if got := serial(); got != 3 {
		t.Errorf("certificate %d is served after the files were mended", got)
	}
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

// TestRenewedCertificateIsServed: the listener asks for the certificate at each handshake, and Reload reads it at once.
func TestRenewedCertificateIsServed(t *testing.T) {
	files, _ := certificate(t)
	s := start(t, config(func(c *gateway.Config) { c.TLS = files }))
	renewed := renew(t, files, 7)
	if err := s.module.Reload(); err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: renewed})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if err := start(t).module.Reload(); err != nil {
		t.Errorf("without TLS there is nothing to read: %v", err)
	}
}

// TestRefusedUnderTLS (AG D12): what net/http would answer itself is not answered to a refused address, under TLS either;
// HTTP/2 still works there for who is not refused.
func TestRefusedUnderTLS(t *testing.T) {
	files, pool := certificate(t)
	s := start(t, config(func(c *gateway.Config) { c.TLS = files }))
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(s.client.CloseIdleConnections)
	s.ready()
	s.audit.Put(refuse(verdicts.KindIP, "127.0.0.1"))
	got := s.within(time.Second, 403, func() answer { return s.get("/") })
	if got.proto != "HTTP/2.0" {
		t.Errorf("spoke %s", got.proto)
	}
	s.get("/", from("198.51.100.9")).ok(t)
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: pool})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(conn); len(text) > 0 {
		t.Errorf("a refused address got %q (%v)", text, err)
	}
}

// TestRapidReset (AG D10): streams that a client opens and resets make neither a line each nor an error of ours.
func TestRapidReset(t *testing.T) {
	files, pool := certificate(t)
	s := start(t, unchecked, config(func(c *gateway.Config) { c.TLS = files; c.Rates.Default = "100000-M" }))
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(s.client.CloseIdleConnections)
	s.ready()
	held := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(held) })
	s.move(module.Auth, slow.URL)
	for range 200 {
		ctx, reset := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { reset() }}), "GET", s.url+"/v1/me", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token())
		if resp, err := s.client.Do(req); err == nil {
			resp.Body.Close()
			t.Fatalf("answered %s", resp.Status)
		}
		reset()
	}
	testkit.Eventually(t, 10*time.Second, func() (bool, string) {
		n := s.metric("centinela_gateway_http_requests_total", "getMe", "4xx", "request_timeout")
		return n >= 100, fmt.Sprintf("%v counted", n)
	})
	if lines := s.logs.with(`"operation":"getMe"`, `"gone":true`); len(lines) > 1 {
		t.Errorf("%d lines: %s", len(lines), lines[1])
	}
	if n := s.metric("centinela_gateway_http_requests_total", "5xx"); n != 0 {
		t.Errorf("%v errors of ours", n)
	}
}
