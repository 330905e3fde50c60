package runner

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"centinela/gateway"
	"centinela/services/audit"
	"centinela/services/auth"
	chatrelay "centinela/services/chat-relay"
	"centinela/services/recovery"
	"centinela/shared/config"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/secret"
)

// Profiles.
const (
	Development = "development" // simulated SMS, /dev, generated keys: never for real people
	Production  = "production"
)

// Config is everything that can be configured. The zero value of a field that
// is added later must be safe.
type Config struct {
	Profile    string        `koanf:"profile"`     // development or production
	DataDir    string        `koanf:"data_dir"`    // databases, keys and caches, a folder per part
	KeyDir     string        `koanf:"key_dir"`     // service and signing keys; default: <data_dir>/keys
	StopBudget time.Duration `koanf:"stop_budget"` // how long each part may take to stop
	Log        LogConfig     `koanf:"log"`
	Store      StoreConfig   `koanf:"store"`
	Ops        OpsConfig     `koanf:"ops"`
	Services   Services      `koanf:"services"`

	Gateway   gateway.Config   `koanf:"gateway"`
	Auth      auth.Config      `koanf:"auth"`
	Recovery  recovery.Config  `koanf:"recovery"`
	ChatRelay chatrelay.Config `koanf:"chat_relay"`
	Audit     audit.Config     `koanf:"audit"`
}

// LogConfig says how much is logged, and for whom.
type LogConfig struct {
	Level  string `koanf:"level"`  // debug, info, warn, error
	Format string `koanf:"format"` // json for machines, text for people; empty: text in development, json in production
}

func (c Config) logFormat() string {
	switch {
	case c.Log.Format != "":
		return c.Log.Format
	case c.Profile == Development:
		return obs.FormatText
	}
	return obs.FormatJSON
}

// StoreConfig names the database of all services.
type StoreConfig struct {
	Engine   string        `koanf:"engine"`   // sqlite (one machine) or mongodb
	URI      secret.String `koanf:"uri"`      // mongodb://…; it may hold a password: prefer uri_file
	URIFile  string        `koanf:"uri_file"` // file with the URI
	Database string        `koanf:"database"` // prefix of the databases: centinela_auth, …
}

// OpsConfig is the operations listener of `centinela all`.
type OpsConfig struct {
	Listen string `koanf:"listen"` // /metrics /healthz /readyz /debug/pprof
	// Public allows listeners for operations that the network can reach, by any name. They have no authentication, and
	// show memory and command lines: something else must keep strangers out.
	Public bool `koanf:"i_know_this_is_public"`
}

// Address says where one part listens and where the others find it. Empty
// fields take the part's standard port, or any free one in `centinela all`.
type Address struct {
	Listen string `koanf:"listen"` // internal listener (the gateway's public one is gateway.listen)
	URL    string `koanf:"url"`    // where peers reach it
	Ops    string `koanf:"ops"`    // operations listener when the part runs alone
}

// GatewayAddress is the gateway's: people reach it at gateway.listen, and no
// part calls it.
type GatewayAddress struct {
	Ops string `koanf:"ops"` // operations listener when the gateway runs alone
}

// Services are the addresses of all parts.
type Services struct {
	Gateway   GatewayAddress `koanf:"gateway"`
	Auth      Address        `koanf:"auth"`
	Recovery  Address        `koanf:"recovery"`
	ChatRelay Address        `koanf:"chat_relay"`
	Audit     Address        `koanf:"audit"`
}

// DefaultConfig is the development profile on the embedded database.
func DefaultConfig() Config {
	return Config{
		Profile:    Development,
		DataDir:    "./data",
		StopBudget: 10 * time.Second,
		Log:        LogConfig{Level: "info"},
		Store:      StoreConfig{Engine: module.EngineSQLite, Database: "centinela"},
		Ops:        OpsConfig{Listen: "127.0.0.1:9080"},
		Gateway:    gateway.DefaultConfig(),
		Auth:       auth.DefaultConfig(),
		Recovery:   recovery.DefaultConfig(),
		ChatRelay:  chatrelay.DefaultConfig(),
		Audit:      audit.DefaultConfig(),
	}
}

// ErrConfig is in every error that is about the configuration and not about the run.
var ErrConfig = errors.New("configuration")

// Load reads the configuration: defaults, then the YAML file (none when empty),
// then CENTINELA_… in env, then `a.b=value` settings. It does not validate.
// print writes what is in force as YAML, without secrets.
func Load(file string, env, set []string) (cfg Config, print func(io.Writer) error, err error) {
	cfg = DefaultConfig()
	loaded, err := config.Load(config.Options{File: file, Env: env, Set: set}, &cfg)
	if err != nil {
		return Config{}, nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if cfg.KeyDir == "" {
		cfg.KeyDir = filepath.Join(cfg.DataDir, "keys")
	}
	return cfg, loaded.Print, nil
}

// Validate returns every error at once, each with its path.
func (c Config) Validate() error { return c.ValidateFor(All) }

// ValidateFor leaves out what target doesn't use, so that a part that runs alone
// needs no other part's secrets.
func (c Config) ValidateFor(target string) error {
	var errs config.Errors
	if c.Profile != Development && c.Profile != Production {
		errs.Add("profile", "must be development or production")
	}
	if c.DataDir == "" {
		errs.Add("data_dir", "must name a folder")
	}
	if c.StopBudget <= 0 {
		errs.Add("stop_budget", "must be > 0")
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		errs.Add("log.level", "must be debug, info, warn or error")
	}
	switch c.Log.Format {
	case "", obs.FormatJSON, obs.FormatText:
	default:
		errs.Add("log.format", "must be json or text, or empty: text in development, json in production")
	}
	if target != module.Gateway { // it keeps nothing in a database
		c.validateStore(&errs)
	}
	c.validateAddresses(&errs)
	for name, part := range c.sections() {
		if target != All && target != name {
			continue
		}
		errs.AddErr("", part.Validate())
		if strict, ok := part.(interface{ ValidateProduction() error }); ok && c.Profile == Production {
			errs.AddErr("", strict.ValidateProduction())
		}
		if home, ok := part.(interface{ ValidateDevelopment() error }); ok && c.Profile == Development {
			errs.AddErr("", home.ValidateDevelopment())
		}
	}
	if err := errs.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

func (c Config) validateStore(errs *config.Errors) {
	switch c.Store.Engine {
	case module.EngineSQLite:
	case module.EngineMongoDB:
		_, err := c.Store.uri()
		errs.AddErr("store.uri_file", err)
	default:
		errs.Add("store.engine", "must be sqlite or mongodb")
	}
	if !databaseName.MatchString(c.Store.Database) {
		errs.Add("store.database", "must be 1 to 40 letters, digits, _ or -")
	}
}

// databaseName is what MongoDB takes on every system, with room for a service's name.
var databaseName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// uri is from the file that is named, or from the config itself.
func (s StoreConfig) uri() (secret.String, error) {
	switch {
	case s.URIFile == "" && s.URI.IsZero():
		return secret.String{}, errors.New("must name a file with the URI (or set store.uri by CENTINELA_STORE_URI)")
	case s.URIFile == "":
		return s.URI, nil
	case !s.URI.IsZero():
		return secret.String{}, errors.New("store.uri is set as well: keep one of them")
	}
	text, err := os.ReadFile(s.URIFile)
	if err != nil {
		return secret.String{}, fmt.Errorf("can't be read: %w", err)
	}
	uri := secret.NewString(strings.TrimSpace(string(text)))
	if uri.IsZero() {
		return secret.String{}, fmt.Errorf("%s is empty", s.URIFile)
	}
	return uri, nil
}

// storeOf is where one service keeps its state.
func (c Config) storeOf(service string) (module.Store, error) {
	dir := filepath.Join(c.DataDir, service)
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole // a file URI has no relative form
	}
	store := module.Store{Engine: c.Store.Engine, Dir: dir, Database: c.Store.Database + "_" + configKey(service)}
	if service == module.Gateway || store.Engine != module.EngineMongoDB {
		return store, nil
	}
	uri, err := c.Store.uri()
	if err != nil {
		return module.Store{}, fmt.Errorf("store.uri_file: %w", err)
	}
	store.URI = uri
	return store, nil
}

// sections are the parts' own, in the order in which they start. A part refuses
// in the production profile what only development may have (design:
// architecture, "Config").
func (c Config) sections() iter.Seq2[string, interface{ Validate() error }] {
	return func(yield func(string, interface{ Validate() error }) bool) {
		_ = yield(module.Audit, c.Audit) && yield(module.Auth, c.Auth) && yield(module.Recovery, c.Recovery) &&
			yield(module.ChatRelay, c.ChatRelay) && yield(module.Gateway, c.Gateway)
	}
}

// validateAddresses finds what a listener or a peer would stumble over much later.
func (c Config) validateAddresses(errs *config.Errors) {
	listen := func(path, address string) {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			errs.Add(path, "must be host:port")
		}
	}
	ops := func(path, address string) {
		listen(path, address)
		if address != "" && !c.Ops.Public && !obs.Loopback(address) {
			errs.Add(path, "can be reached from the network, without authentication: listen on 127.0.0.1, or say ops.i_know_this_is_public: true where something else keeps strangers out")
		}
	}
	ops("ops.listen", c.Ops.Listen)
	if c.Ops.Listen == "" {
		errs.Add("ops.listen", "must be host:port")
	}
	for _, service := range order {
		address, path := c.address(service), "services."+configKey(service)
		listen(path+".listen", address.Listen)
		ops(path+".ops", address.Ops)
		if address.URL == "" {
			continue
		}
		u, err := url.Parse(address.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			errs.Add(path+".url", "must be like http://host:port, without a path or a slash at the end")
		}
	}
}
