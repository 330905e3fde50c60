package runner

import (
	"context"
	"fmt"
	"net"

	"centinela/shared/module"
)

// order is the order of start; stop is the reverse.
var order = [...]string{module.Audit, module.Auth, module.Recovery, module.ChatRelay, module.Gateway}

// standard are the ports of parts that run alone on one machine.
var standard = map[string]Address{
	module.Auth:      {Listen: "127.0.0.1:8081", Ops: "127.0.0.1:9081"},
	module.Recovery:  {Listen: "127.0.0.1:8082", Ops: "127.0.0.1:9082"},
	module.ChatRelay: {Listen: "127.0.0.1:8083", Ops: "127.0.0.1:9083"},
	module.Audit:     {Listen: "127.0.0.1:8084", Ops: "127.0.0.1:9084"},
	module.Gateway:   {Ops: "127.0.0.1:9080"},
}

func (c Config) address(service string) Address {
	return map[string]Address{
		module.Gateway:   {Ops: c.Services.Gateway.Ops},
		module.Auth:      c.Services.Auth,
		module.Recovery:  c.Services.Recovery,
		module.ChatRelay: c.Services.ChatRelay,
		module.Audit:     c.Services.Audit,
	}[service]
}

// listenAddress is where a part binds: as configured, else any free loopback
// port when all run together, else its standard port.
func (c Config) listenAddress(service string, together bool) string {
	switch configured := c.address(service).Listen; {
	case service == module.Gateway:
		return c.Gateway.Listen
	case configured != "":
		return configured
	case together:
		return "127.0.0.1:0"
	default:
		return standard[service].Listen
	}
}

func (c Config) opsAddress(targets []string) string {
	if len(targets) > 1 {
		return c.Ops.Listen
	}
	if configured := c.address(targets[0]).Ops; configured != "" {
		return configured
	}
	return standard[targets[0]].Ops
}

// listeners binds every listener of the targets before anything starts, so
// that a port in use is one line and not half a suite.
func (c Config) listeners(targets []string) (map[string]net.Listener, error) {
	bound := map[string]net.Listener{}
	for _, service := range targets {
		address := c.listenAddress(service, len(targets) > 1)
		l, err := bind(address)
		if err != nil {
			closeAll(bound)
			return nil, fmt.Errorf("%s: cannot listen on %s: %w (stop what uses it, or set %s)", service, address, err, listenKey(service))
		}
		bound[service] = l
	}
	address := c.opsAddress(targets)
	l, err := bind(address)
	if err != nil {
		closeAll(bound)
		return nil, fmt.Errorf("operations: cannot listen on %s: %w (stop what uses it, or set %s)", address, err, opsKey(targets))
	}
	bound["ops"] = l
	return bound, nil
}

// peerURL says where a peer is: as configured, else where it was bound in this
// process, else its standard port.
func (c Config) peerURL(bound map[string]net.Listener) func(string) string {
	return func(service string) string {
		if url := c.address(service).URL; url != "" {
			return url
		}
		if l, ok := bound[service]; ok {
			return "http://" + l.Addr().String()
		}
		return "http://" + standard[service].Listen
	}
}

// publicURL is where people reach the gateway, as far as this process can know.
func (c Config) publicURL(bound map[string]net.Listener) string {
	switch l, here := bound[module.Gateway]; {
	case here:
		return c.Gateway.PublicURL(l.Addr())
	case c.Gateway.PublicBase != "":
		return c.Gateway.PublicBase
	default:
		return "http://" + c.Gateway.Listen
	}
}

func bind(address string) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", address) // binding doesn't wait
	if err != nil {
		return nil, rootCause(err)
	}
	return l, nil
}

func closeAll(bound map[string]net.Listener) {
	for _, l := range bound {
		_ = l.Close() // the start failed already: that error is the one to tell
	}
}

func listenKey(service string) string {
	if service == module.Gateway {
		return "gateway.listen"
	}
	return "services." + configKey(service) + ".listen"
}

func opsKey(targets []string) string {
	if len(targets) > 1 {
		return "ops.listen"
	}
	return "services." + configKey(targets[0]) + ".ops"
}

func configKey(service string) string {
	if service == module.ChatRelay {
		return "chat_relay"
	}
	return service
}
