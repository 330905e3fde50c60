package chatrelay

import (
	"fmt"
	"net/url"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/socket"
	"centinela/shared/config"
)

// Config is the chat relay's part of the configuration.
type Config struct {
	Origins []string     `koanf:"origins"` // of pages that may connect; empty: pages of our own host only
	Rate    RateConfig   `koanf:"rate"`
	Sockets SocketConfig `koanf:"sockets"`
}

// RateConfig is how often a person may send (design: audit, "chat rate").
type RateConfig struct {
	Burst int           `koanf:"burst"` // messages at once
	Leak  time.Duration `koanf:"leak"`  // then one more each
}

// SocketConfig limits sockets; every limit is on by default (design: chat-relay, "Limits").
type SocketConfig struct {
	Max          int           `koanf:"max"`
	PerAccount   int           `koanf:"per_account"`
	PerAddress   int           `koanf:"per_address"`  // IPv6 by /64
	HelloWithin  time.Duration `koanf:"hello_within"` // an unauthenticated socket lives so long
	GreetWithin  time.Duration `koanf:"greet_within"` // an authenticated one without its first frame
	FrameBytes   int           `koanf:"frame_bytes"`
	BytesASecond int           `koanf:"bytes_a_second"` // read budget of a socket
	PingEvery    time.Duration `koanf:"ping_every"`
	PongWithin   time.Duration `koanf:"pong_within"`
	WriteWithin  time.Duration `koanf:"write_within"`
	QueueFrames  int           `koanf:"queue_frames"` // a socket that is farther behind is closed as slow
}

// DefaultConfig is safe as it comes.
func DefaultConfig() Config {
	return Config{
		Rate: RateConfig{Burst: 10, Leak: 5 * time.Second},
		Sockets: SocketConfig{
			Max: 20_000, PerAccount: 10, PerAddress: 50, HelloWithin: 5 * time.Second, GreetWithin: 10 * time.Second,
			FrameBytes: 16 << 10, BytesASecond: 64 << 10, PingEvery: 25 * time.Second, PongWithin: 8 * time.Second,
			WriteWithin: 5 * time.Second, QueueFrames: 256,
		},
	}
}

// Validate returns every error at once, each with its path.
func (c Config) Validate() error {
	var errs config.Errors
	positive := func(path string, v int64) {
		if v <= 0 {
			errs.Add("chat_relay."+path, "must be > 0")
		}
	}
	for i, o := range c.Origins {
		if u, err := url.Parse(o); err != nil || u.Host == "" || u.Path != "" {
			errs.Add(fmt.Sprintf("chat_relay.origins[%d]", i), "must be an origin like https://app.example.org")
		}
	}
	s := c.Sockets
	positive("rate.burst", int64(c.Rate.Burst))
	positive("rate.leak", int64(c.Rate.Leak))
	positive("sockets.max", int64(s.Max))
	positive("sockets.per_account", int64(s.PerAccount))
	positive("sockets.per_address", int64(s.PerAddress))
	positive("sockets.hello_within", int64(s.HelloWithin))
	positive("sockets.greet_within", int64(s.GreetWithin))
	positive("sockets.frame_bytes", int64(s.FrameBytes))
	positive("sockets.bytes_a_second", int64(s.BytesASecond))
	positive("sockets.ping_every", int64(s.PingEvery))
	positive("sockets.pong_within", int64(s.PongWithin))
	positive("sockets.write_within", int64(s.WriteWithin))
	positive("sockets.queue_frames", int64(s.QueueFrames))
	return errs.Err()
}

func (c Config) rate() room.Rate { return room.Rate{Burst: c.Rate.Burst, Leak: c.Rate.Leak} }

func (c Config) limits() socket.Limits {
	s := c.Sockets
	return socket.Limits{
		Sockets: s.Max, SocketsPerAccount: s.PerAccount, SocketsPerAddress: s.PerAddress,
		HelloWithin: s.HelloWithin, GreetedWithin: s.GreetWithin, FrameBytes: s.FrameBytes, BytesPerSecond: s.BytesASecond,
		PingEvery: s.PingEvery, PongWithin: s.PongWithin, WriteWithin: s.WriteWithin, QueueFrames: s.QueueFrames,
	}
}
