package runner

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"centinela/gateway"
	"centinela/services/auth"
	"centinela/shared/config"
	"centinela/shared/module"
	"centinela/shared/obs"
	"centinela/shared/secret"
	"centinela/shared/sqlitex"
)

// Profiles.
const (
	Development = "development" // simulated SMS, /dev, generated keys: never for real people
	Production  = "production"
)

// Config is everything that can be configured: what all parts share, and of each
// part where it is and its own section. The zero value of a field that is added
// later must be safe.
type Config struct {
	Profile    string        `yaml:"profile" help:"production, or development: simulated texts, /dev, keys made by themselves, never for real people"`
	DataDir    string        `yaml:"data_dir" help:"databases, keys and caches, a folder for each part"`
	KeyDir     string        `yaml:"key_dir" help:"service and signing keys; empty: keys/ in data_dir"`
	StopBudget time.Duration `yaml:"stop_budget" help:"how long each part may take to stop"`
	Log        LogConfig     `yaml:"log" help:"Logs go to standard error."`
	Store      StoreConfig   `yaml:"store" help:"The database of all services."`
	Ops        OpsConfig     `yaml:"ops" help:"The operations listener of centinela all: metrics, health, profiles. Never for the world."`

	parts  map[string]*settings
	loaded *config.Loaded
}

// LogConfig says how much is logged, and for whom.
type LogConfig struct {
	Level  string `yaml:"level" help:"debug, info, warn or error"`
	Format string `yaml:"format" help:"json for machines, text for people; empty: text in development, json in production"`
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
	Engine   string        `yaml:"engine" help:"sqlite (one machine) or mongodb"`
	URI      secret.String `yaml:"uri" help:"mongodb://…; it may hold a password: prefer uri_file"`
	URIFile  string        `yaml:"uri_file" help:"file with the URI"`
	Database string        `yaml:"database" help:"prefix of the databases' names on MongoDB: centinela_auth, …"`
	Cache    int           `yaml:"cache" help:"MiB of each SQLite writer's page cache, 1 to 4096; more where sweeps or the record are large"`
}

// OpsConfig is the operations listener of `centinela all`.
type OpsConfig struct {
	Listen string `yaml:"listen" help:"host:port of /metrics /healthz /readyz /debug/pprof"`
	// Public allows listeners for operations that the network can reach, by any name.
	Public bool `yaml:"i_know_this_is_public" help:"let the network reach operations listeners, which have no authentication and show profiles: something else must keep strangers out"`
}

// settings are one part's.
type settings struct {
	peer    peerConfig
	ops     partOpsConfig
	section section
}

// peerConfig says where a part listens and where the others find it. Empty fields
// take the part's standard port, or any free one in `centinela all`. The gateway
// has none: people reach it at gateway.listen, and no part calls it.
type peerConfig struct {
	Listen string `yaml:"listen" help:"internal listener, host:port; empty: its standard port, or any free one in centinela all"`
	URL    string `yaml:"url" help:"where the other parts reach it, like http://auth:8081; empty: on this machine"`
}

type partOpsConfig struct {
	Ops string `yaml:"ops" help:"operations listener when the part runs alone, host:port; empty: its standard port"`
}

// ErrConfig is in every error that is about the configuration and not about the run.
var ErrConfig = errors.New("configuration")

// Load reads the configuration: the defaults (the development profile on the
// embedded database), then the YAML file (none when empty), then CENTINELA_… in
// env, then `a.b=value` settings. It does not validate.
func Load(file string, env, set []string) (Config, error) {
	c := Config{
		Profile: Development, DataDir: "./data", StopBudget: 10 * time.Second,
		Log:   LogConfig{Level: "info"},
		Store: StoreConfig{Engine: module.EngineSQLite, Database: "centinela", Cache: sqlitex.DefaultCache >> 20},
		Ops:   OpsConfig{Listen: "127.0.0.1:9080"},
		parts: map[string]*settings{},
	}
	sections := []config.Section{{Into: &c}}
	var own []config.Section
	for _, r := range table {
		part := &settings{section: r.section()}
		c.parts[r.name] = part
		if !r.public {
			sections = append(sections, config.Section{Path: "services." + r.key(), Into: &part.peer})
		}
		sections = append(sections, config.Section{Path: "services." + r.key(), Into: &part.ops})
		own = append(own, config.Section{Path: r.key(), Help: r.help, Into: part.section})
	}
	loaded, err := config.Load(config.Options{File: file, Env: env, Set: set}, append(sections, own...)...)
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	c.loaded = loaded
	if c.KeyDir == "" {
		c.KeyDir = filepath.Join(c.DataDir, "keys")
	}
	return c, nil
}

// auth is auth's own section.
func (c Config) auth() *auth.Config { return c.parts[module.Auth].section.(*auth.Config) }

// gateway is the gateway's own section.
func (c Config) gateway() *gateway.Config { return c.parts[module.Gateway].section.(*gateway.Config) }

// proxies are those that stand in front of the gateway, and are declared.
func (c Config) proxies() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range c.gateway().Proxy.Trusted {
		if p, err := netip.ParsePrefix(text); err == nil { // the others are the gateway's Validate's
			list = append(list, p)
		}
	}
	return list
}

// OnMongoDB says that the databases are on a server, and not in the data folder.
func (c Config) OnMongoDB() bool { return c.Store.Engine == module.EngineMongoDB }

// Print writes what is in force as YAML with a comment a key, without secrets.
func (c Config) Print(w io.Writer) error { return c.loaded.Print(w) }

// Validate returns every error at once, each with its path. It leaves out what
// target doesn't use, so that a part that runs alone needs no other part's secrets.
func (c Config) Validate(target string) error {
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
	c.validateStore(target, &errs)
	c.validateAddresses(&errs)
	for _, r := range rows(target) {
		part := c.parts[r.name].section
		errs.AddErr("", part.Validate())
		if strict, ok := part.(interface{ ValidateProduction() error }); ok && c.Profile == Production {
			errs.AddErr("", strict.ValidateProduction())
		}
		if home, ok := part.(interface{ ValidateDevelopment() error }); ok && c.Profile == Development {
			errs.AddErr("", home.ValidateDevelopment())
		}
	}
	if c.Profile == Production {
		c.refusePlaceholders(target, &errs)
	}
	if err := errs.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}

func (c Config) validateStore(target string, errs *config.Errors) {
	needed := false
	for _, r := range rows(target) {
		needed = needed || r.schema != nil
	}
	switch {
	case !needed:
	case c.OnMongoDB():
		_, err := c.Store.uri()
		errs.AddErr("store.uri_file", err)
	case c.Store.Engine != module.EngineSQLite:
		errs.Add("store.engine", "must be sqlite or mongodb")
	}
	if c.Store.Cache < 1 || c.Store.Cache > 4096 {
		errs.Add("store.cache", "must be from 1 to 4096 (MiB)")
	}
	if !databaseName.MatchString(c.Store.Database) {
		errs.Add("store.database", "must be 1 to 40 letters, digits, _ or -")
	}
}

// databaseName is what MongoDB takes on every system, with room for a service's name.
var databaseName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// mongoURI is the outer form; the rest is the driver's to read.
var mongoURI = regexp.MustCompile(`^mongodb(\+srv)?://[^/\s]+(/\S*)?$`)

// uri is from the file that is named, or from the config itself.
func (s StoreConfig) uri() (secret.String, error) {
	uri := s.URI
	switch {
	case s.URIFile == "" && uri.IsZero():
		return secret.String{}, errors.New("must name a file with the URI (or set store.uri by CENTINELA_STORE_URI)")
	case s.URIFile != "" && !uri.IsZero():
		return secret.String{}, errors.New("store.uri is set as well: keep one of them")
	case s.URIFile != "":
		text, err := os.ReadFile(s.URIFile)
		if err != nil {
			return secret.String{}, fmt.Errorf("can't be read: %w", err)
		}
		uri = secret.NewString(strings.TrimSpace(string(text)))
	}
	if !mongoURI.MatchString(uri.Reveal()) { // what it is may be a password: it isn't shown
		return secret.String{}, errors.New("must hold a URI like mongodb://user:password@host:27017/?replicaSet=rs0")
	}
	return uri, nil
}

// storeOf is where one part keeps its state.
func (c Config) storeOf(r row) (module.Store, error) {
	dir := filepath.Join(c.DataDir, r.name)
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole // a file URI has no relative form
	}
	store := module.Store{Engine: c.Store.Engine, Dir: dir, Database: c.Store.Database + "_" + r.key(), Cache: int64(c.Store.Cache) << 20}
	if r.schema == nil || !c.OnMongoDB() {
		return store, nil
	}
	uri, err := c.Store.uri()
	if err != nil {
		return module.Store{}, fmt.Errorf("store.uri_file: %w", err)
	}
	store.URI = uri
	return store, nil
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
	for _, r := range table {
		part, path := c.parts[r.name], "services."+r.key()
		listen(path+".listen", part.peer.Listen)
		ops(path+".ops", part.ops.Ops)
		if part.peer.URL == "" {
			continue
		}
		u, err := url.Parse(part.peer.URL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			errs.Add(path+".url", "must be like http://host:port, without a path or a slash at the end")
		}
	}
}

// placeholders are what the shipped configurations hold where people's own belongs:
// whoever starts with one of them has forgotten it. example.org and its like can
// belong to nobody (RFC 2606 §3); the number is one of those kept for fiction.
var placeholders = []struct {
	is   *regexp.Regexp
	want string
}{
	{regexp.MustCompile(`^AC0{32}$`), "your account's SID"},
	{regexp.MustCompile(`(^|[@./])example\.(com|net|org)([:/]|$)`), "a name of your own"},
	{regexp.MustCompile(`^\+1[0-9]{3}55501[0-9]{2}$`), "a number of yours"},
}

// refusePlaceholders names each key that still holds one.
func (c Config) refusePlaceholders(target string, errs *config.Errors) {
	c.loaded.Each(func(path, text string) {
		if top, _, _ := strings.Cut(path, "."); c.belongs(top, target) {
			for _, p := range placeholders {
				if p.is.MatchString(text) {
					errs.Add(path, fmt.Sprintf("%s is the placeholder of the shipped configuration: put %s", text, p.want))
				}
			}
		}
	})
}

// belongs says whether target uses the section of that key: all but other parts' own.
func (c Config) belongs(key, target string) bool {
	for _, r := range table {
		if r.key() == key {
			return target == All || target == r.name
		}
	}
	return true
}
