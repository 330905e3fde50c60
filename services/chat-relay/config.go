package chatrelay

import (
	"reflect"
	"time"

	"centinela/services/chat-relay/internal/room"
	"centinela/services/chat-relay/internal/socket"
	"centinela/shared/config"
)

// Config is the chat relay's part of the configuration.
type Config struct {
	Rate    room.Rate     `yaml:"rate" help:"How often a person may send: a leaky bucket an account."`
	Sockets socket.Limits `yaml:"sockets" help:"Limits of sockets."`
}

// DefaultConfig is safe as it comes.
func DefaultConfig() Config {
	return Config{
		Rate: room.Rate{Burst: 10, Leak: 5 * time.Second},
		Sockets: socket.Limits{
			Max: 20_000, PerAccount: 10, PerAddress: 50, HelloWithin: 5 * time.Second, GreetWithin: 10 * time.Second,
			FrameBytes: 16 << 10, BytesASecond: 64 << 10, PingEvery: 25 * time.Second, PongWithin: 8 * time.Second,
			WriteWithin: 5 * time.Second, QueueFrames: 256,
		},
	}
}

// Validate returns every error at once, each with its path. All keys are numbers and durations.
func (c Config) Validate() error {
	var errs config.Errors
	positive := func(path string, section reflect.Value) {
		for i := range section.NumField() {
			if section.Field(i).Int() <= 0 {
				errs.Add(path+section.Type().Field(i).Tag.Get("yaml"), "must be > 0")
			}
		}
	}
	positive("chat_relay.rate.", reflect.ValueOf(c.Rate))
	positive("chat_relay.sockets.", reflect.ValueOf(c.Sockets))
	return errs.Err()
}
