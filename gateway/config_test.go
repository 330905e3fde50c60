package gateway_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"centinela/gateway"
	"centinela/shared/testkit"
)

func obsLogger(t testing.TB) *slog.Logger { return testkit.Logger(t) }

// TestConfig: every wrong value is an error that names its path.
func TestConfig(t *testing.T) {
	if err := gateway.DefaultConfig().Validate(); err != nil {
		t.Fatalf("the defaults: %v", err)
	}
	tests := map[string]func(*gateway.Config){
		"gateway.listen":                  func(c *gateway.Config) { c.Listen = "8080" },
		"gateway.public_base":             func(c *gateway.Config) { c.PublicBase = "id.example.org/path" },
		"gateway.origins[1]":              func(c *gateway.Config) { c.Origins = []string{"https://a.example", "https://*.example.org"} },
		"gateway.rates.refresh":           func(c *gateway.Config) { c.Rates.Refresh = "often" },
		"gateway.tls":                     func(c *gateway.Config) { c.TLS.CertFile = "cert.pem" },
		"gateway.proxy.trusted[1]":        func(c *gateway.Config) { c.Proxy.Trusted = []string{"10.0.0.0/8", "10.0.0.1"} },
		"gateway.connections.max":         func(c *gateway.Config) { c.Connections.Max = 0 },
		"gateway.connections.per_address": func(c *gateway.Config) { c.Connections.PerAddress = -1 },
		"gateway.rates.default":           func(c *gateway.Config) { c.Rates.Default = "many" },
		"gateway.rates.sign_up":           func(c *gateway.Config) { c.Rates.SignUp = "0-M" },
		"gateway.rates.keys":              func(c *gateway.Config) { c.Rates.Keys = 0 },
		"gateway.request_timeout":         func(c *gateway.Config) { c.RequestTimeout = time.Hour },
		"gateway.security_contact":        func(c *gateway.Config) { c.SecurityContact = "me" },
	}
	for path, breaks := range tests {
		t.Run(path, func(t *testing.T) {
			cfg := gateway.DefaultConfig()
			breaks(&cfg)
			if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), path+": ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("Validate() = %v", err)
			}
		})
	}
}

// TestProductionConfig: production refuses plain HTTP that nobody declared, and
// wants the URL that people use.
func TestProductionConfig(t *testing.T) {
	cfg := gateway.DefaultConfig()
	err := cfg.ValidateProduction()
	for _, path := range []string{"gateway.tls", "gateway.public_base"} {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("ValidateProduction() = %v, want %s in it", err, path)
		}
	}
	cfg.PublicBase, cfg.Proxy.TerminatesTLS = "https://id.example.org", true
	if err := cfg.ValidateProduction(); err != nil {
		t.Error(err)
	}
}
