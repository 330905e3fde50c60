package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"centinela/shared/module"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

const readyPoll = 10 * time.Millisecond

// opened raises the limits that would stop a load from one address; nothing is switched off. Hashes are the cheapest
// that the configuration allows, because people are many and what a hash costs is measured elsewhere.
func opened() []string {
	const many = "1000000000-H"
	return []string{
		"gateway.rates.default=" + many, "gateway.rates.sign_up=" + many, "gateway.rates.sign_in=" + many,
		"gateway.connections.per_address=20000", "auth.sign_up.hourly=1000000", "auth.session.access_ttl=1h",
		"auth.password.hash_memory=19", "auth.password.hash_time=2", "auth.password.threads=1",
		"chat_relay.rate.burst=1000000", "chat_relay.rate.leak=1us", "chat_relay.sockets.bytes_a_second=1000000000",
		"chat_relay.sockets.per_address=20000", "chat_relay.sockets.per_account=20000",
	}
}

func setFlags(settings ...string) []string {
	var out []string
	for _, s := range settings {
		out = append(out, "--set", s)
	}
	return out
}

// whole is the suite in one process, on defaults, in an empty folder.
type whole struct {
	*process
	url, ops, data string
}

func (b *bench) startWhole(ctx context.Context, name string, settings ...string) (*whole, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	w := &whole{url: "http://" + ports[0], ops: ports[1], data: filepath.Join(b.dir, name)}
	args := append([]string{"all", "--data", w.data}, setFlags(append(settings, "gateway.listen="+ports[0], "ops.listen="+ports[1])...)...)
	if w.process, _, err = launch(b.dir, name, b.binary, args, false); err != nil {
		return nil, err
	}
	w.watch()
	return w, nil
}

// split is the suite in processes of its own, so that each part's CPU and memory can be told apart.
type split struct {
	b      *bench
	data   string
	args   []string
	ports  map[string]string // of each part, and "<part> ops"
	procs  map[string]*process
	signer *svcauth.Signer // the gateway's, for calls that go to a service past it
	order  []string        // of start
	people []visitor       // signed in, made by the first part that needs them
}

// splitSuite starts the suite once for all parts that use it.
func (b *bench) splitSuite(ctx context.Context) (*split, error) {
	if b.split != nil {
		return b.split, nil
	}
	s, err := b.newSplit(ctx, "split", module.Audit, module.Auth, module.ChatRelay, module.Gateway)
	if err != nil {
		return nil, err
	}
	b.split = s
	return s, nil
}

// newSplit starts some services, each in its process, in a folder of their own.
func (b *bench) newSplit(ctx context.Context, name string, services ...string) (*split, error) {
	s := &split{b: b, data: filepath.Join(b.dir, name), ports: map[string]string{}, procs: map[string]*process{}, order: services}
	keys := filepath.Join(s.data, "keys")
	if said, err := exec.CommandContext(ctx, b.binary, "keys", keys).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make keys: %w\n%s", err, said)
	}
	key, err := secret.LoadSigner(filepath.Join(keys, module.Gateway+".key"), false)
	if err != nil {
		return nil, err
	}
	s.signer = svcauth.NewSigner(module.Gateway, key)
	ports, err := freePorts(2 * len(services))
	if err != nil {
		return nil, err
	}
	settings := opened()
	for i, service := range services {
		s.ports[service], s.ports[service+" ops"] = ports[2*i], ports[2*i+1]
		key := "services." + strings.ReplaceAll(service, "-", "_")
		settings = append(settings, key+".ops="+ports[2*i+1])
		if service == module.Gateway {
			settings = append(settings, "gateway.listen="+ports[2*i])
		} else {
			settings = append(settings, key+".listen="+ports[2*i], key+".url=http://"+ports[2*i])
		}
	}
	s.args = append([]string{"--data", s.data}, setFlags(settings...)...)
	for _, service := range services {
		if err := s.start(ctx, service); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	return s, nil
}

// start runs one service and waits until it is ready.
func (s *split) start(ctx context.Context, service string) error {
	p, _, err := launch(s.b.dir, filepath.Base(s.data)+"-"+service, s.b.binary, append([]string{service}, s.args...), false)
	if err != nil {
		return err
	}
	p.watch()
	s.procs[service] = p
	return p.awaitReady(ctx, s.ports[service+" ops"], readyPoll)
}

// restart gives a service a fresh process, with the memory of one.
func (s *split) restart(ctx context.Context, service string) error {
	if err := s.procs[service].stop(); err != nil {
		return err
	}
	return s.start(ctx, service)
}

// stop ends all services, the last one first.
func (s *split) stop() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, service := range slices.Backward(s.order) {
		errs = append(errs, s.procs[service].stop())
	}
	return errors.Join(errs...)
}

// all are the running processes.
func (s *split) all() []*process {
	var out []*process
	for _, service := range s.order {
		out = append(out, s.procs[service])
	}
	return out
}
