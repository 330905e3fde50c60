package runner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"centinela/gateway"
	"centinela/services/audit"
	"centinela/services/auth"
	chatrelay "centinela/services/chat-relay"
	"centinela/services/recovery"
	"centinela/shared/config"
	"centinela/shared/module"
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

// LogConfig says how much is logged.
type LogConfig struct {
	Level string `koanf:"level"` // debug, info, warn, error
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
}

// Address says where one part listens and where the others find it. Empty
// fields take the part's standard port, or any free one in `centinela all`.
type Address struct {
	Listen string `koanf:"listen"` // internal listener (the gateway's public one is gateway.listen)
	URL    string `koanf:"url"`    // where peers reach it
	Ops    string `koanf:"ops"`    // operations listener when the part runs alone
}

// Services are the addresses of all parts.
type Services struct {
	Gateway   Address `koanf:"gateway"`
	Auth      Address `koanf:"auth"`
	Recovery  Address `koanf:"recovery"`
	ChatRelay Address `koanf:"chat_relay"`
	Audit     Address `koanf:"audit"`
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
	if err == nil {
		err = cfg.readFiles()
	}
	if err != nil {
		return Config{}, nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return cfg, loaded.Print, nil
}

// readFiles fills in what stands in files of its own.
func (c *Config) readFiles() error {
	if c.KeyDir == "" {
		c.KeyDir = filepath.Join(c.DataDir, "keys")
	}
	if c.Store.URIFile == "" {
		return nil
	}
	text, err := os.ReadFile(c.Store.URIFile)
	if err != nil {
		return fmt.Errorf("store.uri_file: %w", err)
	}
	c.Store.URI = secret.NewString(strings.TrimSpace(string(text)))
	return nil
}

// Validate returns every error at once, each with its path.
func (c Config) Validate() error {
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
	c.validateStore(&errs)
	for _, part := range []interface{ Validate() error }{c.Gateway, c.Auth, c.Recovery, c.ChatRelay, c.Audit} {
		errs.AddErr("", part.Validate())
	}
	if c.Profile == Production {
		c.validateProduction(&errs)
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
		if c.Store.URI.IsZero() {
			errs.Add("store.uri", "must be set for mongodb (or store.uri_file)")
		}
	default:
		errs.Add("store.engine", "must be sqlite or mongodb")
	}
	if c.Store.Database == "" {
		errs.Add("store.database", "must be set")
	}
}

// storeOf is where one service keeps its state.
func (c Config) storeOf(service string) module.Store {
	dir := filepath.Join(c.DataDir, service)
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole // a file URI has no relative form
	}
	return module.Store{
		Engine:   c.Store.Engine,
		Dir:      dir,
		URI:      c.Store.URI,
		Database: c.Store.Database + "_" + configKey(service),
	}
}

// validateProduction refuses what only development may have (design:
// architecture, "Config").
func (c Config) validateProduction(errs *config.Errors) {
	for _, part := range []any{c.Gateway, c.Auth, c.Recovery, c.ChatRelay, c.Audit} {
		if p, ok := part.(interface{ ValidateProduction() error }); ok {
			errs.AddErr("", p.ValidateProduction())
		}
	}
}
