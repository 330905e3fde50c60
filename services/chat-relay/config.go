package chatrelay

import (
	"fmt"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/socket"
	"centinela/shared/config"
)

// Config is the chat relay's part of the configuration.
type Config struct {
	Origins []string     `yaml:"origins" help:"of pages that may connect, beside those of our own host, like https://app.example.org or capacitor://localhost"`
	Rate    RateConfig   `yaml:"rate" help:"How often a person may send: a leaky bucket an account."`
	Sockets SocketConfig `yaml:"sockets" help:"Limits of sockets."`
}

// RateConfig is how often a person may send (design: audit, "chat rate").
type RateConfig struct {
	Burst int           `yaml:"burst" help:"messages at once"`
	Leak  time.Duration `yaml:"leak" help:"then one more each"`
}

// SocketConfig limits sockets; every limit is on by default (design: chat-relay, "Limits").
type SocketConfig struct {
	Max          int           `yaml:"max" help:"sockets in all"`
	PerAccount   int           `yaml:"per_account" help:"sockets of an account"`
	PerAddress   int           `yaml:"per_address" help:"sockets of an address, IPv6 by /64"`
	HelloWithin  time.Duration `yaml:"hello_within" help:"an unauthenticated socket lives so long"`
	GreetWithin  time.Duration `yaml:"greet_within" help:"an authenticated one lives so long without its first frame"`
	FrameBytes   int           `yaml:"frame_bytes" help:"bytes of one frame from a client"`
	BytesASecond int           `yaml:"bytes_a_second" help:"bytes a second read from a socket"`
	PingEvery    time.Duration `yaml:"ping_every" help:"a silent socket is pinged so often"`
	PongWithin   time.Duration `yaml:"pong_within" help:"and closed when it doesn't answer for so long"`
	WriteWithin  time.Duration `yaml:"write_within" help:"a socket that takes nothing for so long is closed"`
	QueueFrames  int           `yaml:"queue_frames" help:"frames that wait for a socket; one that is farther behind is closed as slow"`
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
		_, err := config.Origin(o)
		errs.AddErr(fmt.Sprintf("chat_relay.origins[%d]", i), err)
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

// origins are those of the configuration as browsers write them.
func (c Config) origins() []string {
	var list []string
	for _, o := range c.Origins {
		if origin, err := config.Origin(o); err == nil { // the others are Validate's
			list = append(list, origin)
		}
	}
	return list
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
