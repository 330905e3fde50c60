package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/module"
	"centinela/shared/obs"
)

// certificate writes a self-made certificate and its key.
func certificate(t testing.TB) (files gateway.TLSConfig, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
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
	dir := t.TempDir()
	files = gateway.TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for name, block := range map[string]*pem.Block{
		files.CertFile: {Type: "CERTIFICATE", Bytes: der}, files.KeyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return files, pool
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
