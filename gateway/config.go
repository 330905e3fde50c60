package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"centinela/gateway/internal/edge"
	"centinela/shared/config"
	"centinela/shared/obs"
	"centinela/shared/ratelimit"
)

// Config is the gateway's part of the configuration.
type Config struct {
	Listen          string           `yaml:"listen" help:"public listener, host:port"`
	PublicBase      string           `yaml:"public_base" help:"the URL that people use, without a path, like https://id.example.org"`
	Origins         []string         `yaml:"origins" help:"pages elsewhere that may use the API and the chat's socket from a browser, like https://app.example.org or capacitor://localhost"`
	TLS             TLSConfig        `yaml:"tls" help:"Certificate of the public listener, when no proxy in front speaks TLS."`
	Proxy           ProxyConfig      `yaml:"proxy" help:"What stands in front of the gateway."`
	Connections     ConnectionConfig `yaml:"connections" help:"Open connections of the public listener (R2.2)."`
	Rates           RateConfig       `yaml:"rates" help:"Coarse limits an address (IPv6 by /64), as COUNT-UNIT with unit S, M, H or D: 60-M is 60 a minute."`
	RequestTimeout  time.Duration    `yaml:"request_timeout" help:"how long a request may take, its body included, 1s to 1m; sockets have none"`
	SecurityContact string           `yaml:"security_contact" help:"published in /.well-known/security.txt: mailto:… or https:…"`
	// PublicDevelopment allows the development profile on a listener that the network can reach, by any name.
	PublicDevelopment bool `yaml:"i_know_development_is_public" help:"let the network reach a development suite: simulated phones, the clock and pretended addresses are then everybody's"`
}

// TLSConfig are the files of a certificate chain and its key (PEM).
type TLSConfig struct {
	CertFile string `yaml:"cert_file" help:"certificate chain (PEM), the server's own first"`
	KeyFile  string `yaml:"key_file" help:"its private key (PEM)"`
}

// ProxyConfig declares what stands in front of the gateway.
type ProxyConfig struct {
	TerminatesTLS bool     `yaml:"terminates_tls" help:"a proxy in front speaks TLS with the world"`
	Trusted       []string `yaml:"trusted" help:"its addresses (CIDR): only their X-Forwarded-For counts"`
}

// ConnectionConfig limits open connections (R2.2).
type ConnectionConfig struct {
	Max        int `yaml:"max" help:"connections in all"`
	PerAddress int `yaml:"per_address" help:"connections of an address, IPv6 by /64"`
}

// RateConfig are the coarse limits an address has, as "count-unit" with unit S,
// M, H or D (ulule/limiter's form). Tries of codes and passwords have their own,
// durable counters in the services.
type RateConfig struct {
	Default  string `yaml:"default" help:"all requests"`
	SignUp   string `yaml:"sign_up" help:"new accounts"`
	SignIn   string `yaml:"sign_in" help:"sign-ins and changes of the password"`
	Refresh  string `yaml:"refresh" help:"refreshes: each app makes one every few minutes, and an office or a carrier's NAT is one address"`
	Recovery string `yaml:"recovery" help:"steps of recoveries"`
	// Throttled is counted by verdict: all that one is about have it together.
	Throttled string `yaml:"throttled" help:"requests of whom a verdict slows down"`
	Keys      int    `yaml:"keys" help:"addresses counted at once; bounds the memory"`
}

// DefaultConfig listens on loopback, as development wants it.
func DefaultConfig() Config {
	return Config{
		Listen:         "127.0.0.1:8080",
		Connections:    ConnectionConfig{Max: 20_000, PerAddress: 200},
		RequestTimeout: 10 * time.Second,
		Rates:          RateConfig{Default: "1200-M", SignUp: "60-H", SignIn: "60-M", Refresh: "600-M", Recovery: "120-M", Throttled: "12-M", Keys: 100_000},
	}
}

// Validate returns every error at once, each with its path.
func (c Config) Validate() error {
	var errs config.Errors
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs.Add("gateway.listen", "must be host:port")
	}
	if c.PublicBase != "" {
		if u, err := url.Parse(c.PublicBase); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "" {
			errs.Add("gateway.public_base", "must be a URL without a path, like https://id.example.org")
		}
	}
	for i, o := range c.Origins {
		_, err := config.Origin(o)
		errs.AddErr(fmt.Sprintf("gateway.origins[%d]", i), err)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs.Add("gateway.tls", "cert_file and key_file go together")
	}
	for i, prefix := range c.Proxy.Trusted {
		if _, err := netip.ParsePrefix(prefix); err != nil {
			errs.Add(fmt.Sprintf("gateway.proxy.trusted[%d]", i), "must be a CIDR prefix like 10.0.0.0/8")
		}
	}
	if c.RequestTimeout < time.Second || c.RequestTimeout > time.Minute {
		errs.Add("gateway.request_timeout", "must be from 1s to 1m")
	}
	if c.SecurityContact != "" && !strings.HasPrefix(c.SecurityContact, "mailto:") && !strings.HasPrefix(c.SecurityContact, "https://") {
		errs.Add("gateway.security_contact", "must begin with mailto: or https://")
	}
	if c.Connections.Max <= 0 {
		errs.Add("gateway.connections.max", "must be > 0")
	}
	if c.Connections.PerAddress <= 0 {
		errs.Add("gateway.connections.per_address", "must be > 0")
	}
	c.validateRates(&errs)
	return errs.Err()
}

func (c Config) validateRates(errs *config.Errors) {
	for _, r := range [...]struct{ name, rate string }{
		{"default", c.Rates.Default}, {"sign_up", c.Rates.SignUp}, {"sign_in", c.Rates.SignIn}, {"refresh", c.Rates.Refresh}, {"recovery", c.Rates.Recovery}, {"throttled", c.Rates.Throttled},
	} {
		if err := validRate(r.rate); err != nil {
			errs.Add("gateway.rates."+r.name, "must be like 60-M (a count, then S, M, H or D)")
		}
	}
	if c.Rates.Keys <= 0 {
		errs.Add("gateway.rates.keys", "must be > 0")
	}
}

func validRate(rate string) error {
	_, err := ratelimit.NewTable([]ratelimit.Limit{{Name: "x", Rate: rate}}, nil, nil)
	return err
}

// ValidateProduction refuses plain HTTP that nobody declared.
func (c Config) ValidateProduction() error {
	var errs config.Errors
	if c.TLS.CertFile == "" && !c.Proxy.TerminatesTLS {
		errs.Add("gateway.tls", "production needs cert_file and key_file, or gateway.proxy.terminates_tls: true where a proxy in front speaks TLS")
	}
	if c.PublicBase == "" {
		errs.Add("gateway.public_base", "production needs the URL that people use")
	}
	return errs.Err()
}

// ValidateDevelopment keeps simulated phones, the clock and pretended addresses at home.
func (c Config) ValidateDevelopment() error {
	var errs config.Errors
	if !c.PublicDevelopment && !obs.Loopback(c.Listen) {
		errs.Add("gateway.listen", "is reached from the network, and development shows everybody's texts and moves the clock: listen on 127.0.0.1, or say gateway.i_know_development_is_public: true")
	}
	return errs.Err()
}

// origins are those of the configuration as browsers write them.
func (c Config) origins() edge.Origins {
	list := edge.Origins{}
	for _, o := range c.Origins {
		if origin, err := config.Origin(o); err == nil { // the others are Validate's
			list[origin] = true
		}
	}
	return list
}

// ownHost is the host of public_base, "" without one: the one truth about our own name.
func (c Config) ownHost() string {
	base, err := url.Parse(c.PublicBase)
	if err != nil {
		return "" // Validate says so
	}
	return base.Host
}

// PublicURL is where people reach the gateway that listens on addr.
func (c Config) PublicURL(addr net.Addr) string {
	if c.PublicBase != "" {
		return c.PublicBase
	}
	scheme := "http"
	if c.TLS.CertFile != "" {
		scheme = "https"
	}
	return scheme + "://" + addr.String()
}
