package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"centinela/deploy/suite"
	"centinela/shared/module"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// all is the part whose process runs every part.
const all = "all"

// maxLog is how long a child's log may grow: a line a request is many.
const maxLog = 64 << 20

// opened raises the limits that would stop a load from one address; nothing is switched off. Hashes are the cheapest
// that the configuration allows, because people are many and what a hash costs is measured elsewhere.
func opened() []string {
	const many = "1000000000-H"
	return []string{
		"gateway.rates.default=" + many, "gateway.rates.sign_up=" + many, "gateway.rates.sign_in=" + many, "gateway.rates.refresh=" + many,
		"gateway.connections.per_address=20000", "auth.sign_up.hourly=1000000", "auth.session.access_ttl=1h",
		"auth.password.hash_memory=19", "auth.password.hash_time=2", "auth.password.threads=1",
		"chat_relay.rate.burst=1000000", "chat_relay.rate.leak=1us", "chat_relay.sockets.bytes_a_second=1000000000",
		"chat_relay.sockets.per_address=20000", "chat_relay.sockets.per_account=20000",
	}
}

// server is a process and where it is asked: a baseline where it listens, one of the suite at its operations listener.
type server struct {
	*suite.Process
	address string
}

// startBaseline runs this program again as a baseline, until the part ends.
func (b *bench) startBaseline(name string, args ...string) (server, error) {
	p, address, err := suite.LaunchServer(b.dir, name, listening, b.self, append([]string{serveCommand}, args...)...)
	if err == nil {
		b.atEnd(p.Terminate)
	}
	return server{p, address}, err
}

// startWhole starts the suite in one process, on defaults, in an empty folder.
func (b *bench) startWhole(ctx context.Context, name string, settings ...string) (*suite.Suite, error) {
	return suite.Start(ctx, suite.Options{Binary: b.binary, Dir: filepath.Join(b.dir, name), Topology: suite.Together, Settings: settings})
}

// split is the suite in processes of its own, so that each part's CPU and memory can be told apart.
type split struct {
	*suite.Suite
	b      *bench
	signer *svcauth.Signer // the gateway's, for calls that go to a service past it
	people []visitor       // signed in, made by the first part that needs them
}

// splitSuite starts the suite once for all parts that use it.
func (b *bench) splitSuite(ctx context.Context) (_ *split, err error) {
	if b.split == nil {
		b.split, err = b.newSplit(ctx, "split", module.Audit, module.Auth, module.ChatRelay, module.Gateway)
	}
	return b.split, err
}

// newSplit starts some services, each in its process, in a folder of their own.
func (b *bench) newSplit(ctx context.Context, name string, services ...string) (*split, error) {
	dir := filepath.Join(b.dir, name)
	keys := filepath.Join(dir, "data", "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		return nil, err
	}
	key, err := secret.LoadSigner(filepath.Join(keys, module.Gateway+".key"), true) // also where no gateway runs
	if err != nil {
		return nil, err
	}
	running, err := suite.Start(ctx, suite.Options{Binary: b.binary, Dir: dir, Topology: suite.Apart, Parts: services, Settings: opened()})
	if err != nil {
		return nil, err
	}
	s := &split{Suite: running, b: b, signer: svcauth.NewSigner(module.Gateway, key)}
	for _, w := range s.watch(services...) {
		b.say("go tool pprof http://%s/debug/pprof/profile looks at the %s", w.address, w.Name)
	}
	return s, nil
}

// watch are the processes of services, at their operations listeners.
func (s *split) watch(services ...string) []server {
	var out []server
	for _, service := range services {
		out = append(out, server{s.Process(service), s.Ops(service)})
	}
	return out
}

// renew gives services fresh processes, with the memory of such.
func (s *split) renew(ctx context.Context, services ...string) error {
	for _, service := range services {
		if err := s.Process(service).Terminate(); err != nil {
			return err
		}
		if err := s.Restart(ctx, service); err != nil {
			return err
		}
	}
	return nil
}

// stop ends all services, the last one first. One that has ended by itself is an error.
func (s *split) stop() error {
	if s == nil {
		return nil
	}
	for _, p := range s.Processes() {
		if !p.Running() {
			return fmt.Errorf("%s ended by itself:\n%s", p.Name, s.Logs())
		}
	}
	return s.Stop()
}
