package auth

import (
	"fmt"
	"time"
	"unicode/utf8"

	"centinela/services/auth/internal/account"
	"centinela/services/auth/internal/name"
	"centinela/services/auth/internal/password"
	"centinela/services/auth/internal/throttle"
	"centinela/shared/config"
)

// Config is the part "auth" of the configuration.
type Config struct {
	Password   PasswordConfig   `yaml:"password" help:"What new passwords must be, and what hashing them costs (argon2id, RFC 9106)."`
	SignIn     SignInConfig     `yaml:"sign_in" help:"How sign-ins are refused, and what counts as a fresh one."`
	Session    SessionConfig    `yaml:"session" help:"How long people stay signed in."`
	SignUp     SignUpConfig     `yaml:"sign_up" help:"Bounds of sign-ups."`
	SavedCodes SavedCodesConfig `yaml:"saved_codes" help:"Bounds of wrong saved codes; a right one is always taken."`
	Names      NamesConfig      `yaml:"names" help:"What user names may not be."`
}

// NamesConfig is what user names may not be.
type NamesConfig struct {
	Reserved []string `yaml:"reserved" help:"Names that nobody may take, nor what looks like them, also with digits behind: the app's own, beside ours (admin, support, soporte …)."`
}

// PasswordConfig is what new passwords must be and what hashing them costs.
type PasswordConfig struct {
	Length     int `yaml:"length" help:"characters at least, 10 to 64"`
	HashMemory int `yaml:"hash_memory" help:"MiB of one argon2id hash, 19 to 4096"`
	HashTime   int `yaml:"hash_time" help:"argon2id passes, 2 to 64"`
	Threads    int `yaml:"threads" help:"argon2id lanes, 1 to 64"`
	Memory     int `yaml:"memory" help:"MiB of all hashes in work at once"`
}

// SignInConfig is how sign-ins are refused.
type SignInConfig struct {
	Floor time.Duration `yaml:"floor" help:"the least time that a refused sign-in takes, 1ms to 5s"`
	Fresh time.Duration `yaml:"fresh" help:"how old a sign-in may be for changing a way in (password, codes, numbers), 1s to 1h"`
}

// SessionConfig is how long people stay signed in.
type SessionConfig struct {
	AccessTTL  time.Duration `yaml:"access_ttl" help:"life of an access token, 1s to 1h"`
	Idle       time.Duration `yaml:"idle" help:"a session is over after so long without a refresh"`
	TTL        time.Duration `yaml:"ttl" help:"a session is over after so long in any case"`
	ReuseGrace time.Duration `yaml:"reuse_grace" help:"in which a lost refresh answer may be asked for again, up to 1m"`
	Most       int           `yaml:"most" help:"sessions of one account, 1 to 20"`
}

// SignUpConfig bounds sign-ups.
type SignUpConfig struct {
	Hourly int `yaml:"hourly" help:"tries an hour of one source (IPv4 address, IPv6 /64)"`
}

// SavedCodesConfig bounds wrong saved codes. A right one is always taken.
type SavedCodesConfig struct {
	Daily int `yaml:"daily" help:"wrong codes a day recorded of one account; the next ones are told to wait"`
}

// DefaultConfig is design auth.md, "Parameters".
func DefaultConfig() Config {
	return Config{
		Password:   PasswordConfig{Length: 15, HashMemory: 64, HashTime: 3, Threads: 4, Memory: 256},
		SignIn:     SignInConfig{Floor: 250 * time.Millisecond, Fresh: 10 * time.Minute},
		Session:    SessionConfig{AccessTTL: 10 * time.Minute, Idle: 7 * 24 * time.Hour, TTL: 30 * 24 * time.Hour, ReuseGrace: 10 * time.Second, Most: 20},
		SignUp:     SignUpConfig{Hourly: 20},
		SavedCodes: SavedCodesConfig{Daily: 10},
	}
}

// The least cost of a hash (OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane).
const (
	leastHashMemory = 19
	leastHashTime   = 2
	leastLength     = 10
	mostMemory      = 1 << 20 // MiB; also keeps KiB within 32 bits
	mostSessions    = 20      // maxItems of the specification
	mostReserved    = 64      // characters
)

// Validate returns every error at once, each with its path.
func (c Config) Validate() error {
	var errs config.Errors
	between := func(path string, value, least, most int) {
		if value < least || value > most {
			errs.Add("auth."+path, fmt.Sprintf("must be from %d to %d", least, most))
		}
	}
	between("password.length", c.Password.Length, leastLength, 64)
	between("password.hash_memory", c.Password.HashMemory, leastHashMemory, 4096)
	between("password.hash_time", c.Password.HashTime, leastHashTime, 64)
	between("password.threads", c.Password.Threads, 1, 64)
	between("password.memory", c.Password.Memory, max(leastHashMemory, c.Password.HashMemory), mostMemory)
	between("session.most", c.Session.Most, 1, mostSessions)
	between("sign_up.hourly", c.SignUp.Hourly, 1, 1_000_000)
	between("saved_codes.daily", c.SavedCodes.Daily, 1, 1000)

	within := func(path string, value, least, most time.Duration) {
		if value < least || value > most {
			errs.Add("auth."+path, fmt.Sprintf("must be from %s to %s", least, most))
		}
	}
	within("sign_in.floor", c.SignIn.Floor, time.Millisecond, 5*time.Second)
	within("sign_in.fresh", c.SignIn.Fresh, time.Second, time.Hour)
	within("session.access_ttl", c.Session.AccessTTL, time.Second, time.Hour)
	within("session.idle", c.Session.Idle, time.Minute, 90*24*time.Hour)
	within("session.ttl", c.Session.TTL, time.Minute, 365*24*time.Hour)
	within("session.reuse_grace", c.Session.ReuseGrace, 0, time.Minute)
	for i, reserved := range c.Names.Reserved {
		if n := utf8.RuneCountInString(reserved); n == 0 || n > mostReserved {
			errs.Add(fmt.Sprintf("auth.names.reserved[%d]", i), fmt.Sprintf("must have from 1 to %d characters", mostReserved))
		}
	}
	if c.Session.Idle > c.Session.TTL {
		errs.Add("auth.session.idle", "must not be longer than auth.session.ttl")
	}
	return errs.Err()
}

func (c Config) settings() account.Settings {
	return account.Settings{
		Names: name.NewRules(c.Names.Reserved), Passwords: password.Rules{Least: c.Password.Length},
		Fresh: c.SignIn.Fresh, SignInFloor: c.SignIn.Floor,
		IdleFor: c.Session.Idle, AtMost: c.Session.TTL, MaxSessions: c.Session.Most, ReuseGrace: c.Session.ReuseGrace,
		AccessFor: c.Session.AccessTTL,
	}
}

func (c Config) throttle() throttle.Settings {
	return throttle.Settings{SignUpsHourly: c.SignUp.Hourly, CodesDaily: c.SavedCodes.Daily}
}

// hashParams are within 32 and 8 bits after Validate.
func (c Config) hashParams() password.Params {
	return password.Params{
		MemoryKiB: uint32(c.Password.HashMemory) << 10, Time: uint32(c.Password.HashTime), Threads: uint8(c.Password.Threads),
	}
}
