package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"centinela/deploy/suite"
	"centinela/shared/httpkit"
	"centinela/shared/module"
)

const (
	busyConns   = 16
	goalRate    = 0.7 // of a bare gin and ReverseProxy (design: gateway, "Cost")
	goalAddedUs = 300 // µs at p99
	// Of a bare ReverseProxy's CPU, in front of a service in memory.
	goalGetCPU  = 1.15
	goalPostCPU = 1.2
)

// side is one of those that are compared: a process in front of a service.
type side struct {
	name    string
	proc    *suite.Process
	address string
	ops     string             // "" for the bare ones
	series  map[string]*series // by case
	delay   series             // of single requests
}

// door is a case: the same request to three processes in front of the same service.
type door struct {
	name    string
	status  int
	request func(past bool) ([]byte, error) // past the gateway, the request needs a service's token
	goal    float64                         // of the bare proxy's CPU; 0 for none
	sides   []*side                         // gateway, bare gin, bare proxy
}

// measureGateway compares the gateway, with every protection on, with a bare httputil.ReverseProxy and with a bare gin
// and ReverseProxy in front of the same service: auth itself, and one that answers from memory.
func measureGateway(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.splitSuite(ctx)
	if err != nil {
		return nil, err
	}
	people, err := s.visitors(ctx, 1)
	if err != nil {
		return nil, err
	}
	fronts := fronts{split: s}
	defer func() { err = errors.Join(err, fronts.stop()) }()
	real, trivial, err := fronts.open(ctx)
	if err != nil {
		return nil, err
	}
	me := func(past bool) ([]byte, error) {
		headers := []string{"Authorization: Bearer " + people[0].token}
		if past {
			token, err := s.signer.Token(module.Auth)
			if err != nil {
				return nil, err
			}
			headers = append(headers, httpkit.HeaderService+": "+token)
		}
		return rawRequest("GET", "/v1/me", "", headers...), nil
	}
	account := func(bool) ([]byte, error) {
		return rawRequest("POST", "/v1/accounts", `{"user_name":"somebody","password":"`+password+`","locale":"en"}`), nil
	}
	doors := []door{
		{"GET of auth", 200, me, 0, real},
		{"GET of a service in memory", 200, me, goalGetCPU, trivial},
		{"POST to a service in memory", 201, account, goalPostCPU, trivial},
	}
	for range b.pick(6, 2) {
		for _, d := range doors {
			if err := d.round(ctx, b); err != nil {
				return nil, fmt.Errorf("%s: %w", d.name, err)
			}
		}
		if err := doors[1].single(ctx, b); err != nil {
			return nil, fmt.Errorf("single requests: %w", err)
		}
	}
	for _, d := range doors {
		rows = append(rows, d.rows()...)
	}
	return append(rows, delayRows(trivial)...), nil
}

// fronts are the processes in front of a service.
type fronts struct {
	*split
	own []*suite.Process
}

func (f *fronts) stop() error {
	var errs []error
	for i := len(f.own) - 1; i >= 0; i-- {
		errs = append(errs, f.own[i].Terminate())
	}
	return errors.Join(errs...)
}

// open starts the bare ones, and a second gateway in front of a service that answers from memory.
func (f *fronts) open(ctx context.Context) (real, trivial []*side, err error) {
	auth := f.Address(module.Auth)
	service, memory, err := f.b.startBaseline("service", "service", auth)
	if err != nil {
		return nil, nil, err
	}
	f.own = append(f.own, service)
	ports, err := suite.FreePorts(2)
	if err != nil {
		return nil, nil, err
	}
	keys := "key_dir=" + filepath.Join(f.Data, "keys")
	args := slices.Concat([]string{module.Gateway}, f.Args(),
		suite.Flags(keys, "data_dir="+filepath.Join(f.b.dir, "second"), "gateway.listen="+ports[0], "services.gateway.ops="+ports[1], "services.auth.url=http://"+memory))
	second, err := suite.Launch(f.b.dir, "second-gateway", f.b.binary, args...)
	if err != nil {
		return nil, nil, err
	}
	f.own = append(f.own, second)
	if err := second.AwaitReady(ctx, ports[1]); err != nil {
		return nil, nil, err
	}
	real = []*side{{name: "gateway", proc: f.Process(module.Gateway), address: f.Address(module.Gateway), ops: f.Ops(module.Gateway)}}
	trivial = []*side{{name: "gateway", proc: second, address: ports[0], ops: ports[1]}}
	for _, kind := range []string{"gin", "proxy"} {
		for of, to := range map[*[]*side]string{&real: auth, &trivial: memory} {
			p, address, err := f.b.startBaseline(fmt.Sprintf("%s-%s", kind, to[len(to)-5:]), kind, to)
			if err != nil {
				return nil, nil, err
			}
			f.own = append(f.own, p)
			*of = append(*of, &side{name: kind, proc: p, address: address})
		}
	}
	for _, s := range append(append([]*side{}, real...), trivial...) {
		s.series = map[string]*series{}
	}
	return real, trivial, nil
}

// profiled are the listeners that -profile asks.
func (s *side) profiled() []string {
	if s.ops == "" {
		return nil
	}
	return []string{s.ops}
}

// load of one side.
func (d door) load(s *side) (load, error) {
	request, err := d.request(s.name != module.Gateway)
	return load{address: s.address, request: request, status: d.status}, err
}

// round keeps each side busy for a slice, one after the other.
func (d door) round(ctx context.Context, b *bench) error {
	for _, s := range d.sides {
		l, err := d.load(s)
		if err != nil {
			return err
		}
		if s.series[d.name] == nil { // the first time, until its connections and caches are there
			s.series[d.name] = &series{}
			if _, _, err := l.run(ctx, busyConns, 100*time.Millisecond); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		before, err := s.proc.CPU()
		if err != nil {
			return err
		}
		var done []time.Duration
		var took time.Duration
		length := time.Duration(b.pick(700, 300)) * time.Millisecond
		err = b.captured(ctx, strings.ReplaceAll(s.name+" "+d.name, " ", "-"), s.profiled(), length, func() (err error) {
			done, took, err = l.run(ctx, busyConns, length)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		after, err := s.proc.CPU()
		if err != nil {
			return err
		}
		s.series[d.name].add(len(done), took, after-before)
		if err := s.proc.TrimLog(maxLog); err != nil {
			return err
		}
	}
	return nil
}

// single measures one request at a time, when nobody else is in the way: what a side adds.
func (d door) single(ctx context.Context, b *bench) error {
	for _, s := range d.sides {
		l, err := d.load(s)
		if err != nil {
			return err
		}
		all, _, err := l.run(ctx, 1, time.Duration(b.pick(500, 200))*time.Millisecond)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		s.delay.addLatencies(all)
	}
	return nil
}

func (d door) rows() []row {
	ours := d.sides[0].series[d.name]
	var out []row
	for _, s := range d.sides[1:] {
		bare := s.series[d.name]
		against := map[string]string{"gin": "bare gin + ReverseProxy", "proxy": "bare ReverseProxy"}[s.name]
		r := row{
			name: "gateway: " + d.name + ", against " + against, unit: "req/s", ours: median(ours.rate), baseline: median(bare.rate),
			ratio: median(ratios(ours.rate, bare.rate)),
		}
		if s.name == "gin" {
			r.goal, r.met = "ratio >= 0.7", met(r.ratio >= goalRate)
		}
		cost := row{name: "  CPU a request", unit: "µs", ours: median(ours.cpu) * 1e6, baseline: median(bare.cpu) * 1e6, ratio: median(ratios(ours.cpu, bare.cpu))}
		if s.name == "proxy" && d.goal > 0 {
			cost.goal, cost.met = fmt.Sprintf("ratio <= %g", d.goal), met(cost.ratio <= d.goal)
		}
		out = append(out, r, cost)
	}
	return out
}

// delayRows are what the gateway adds to a single request. The design limits the p99; the p50 stands beside it because
// the bare proxy, without a pool of buffers, has its p99 from the garbage collector.
func delayRows(sides []*side) []row {
	ours, bare := sides[0].delay, sides[1].delay
	added := func(ours, bare []time.Duration) float64 {
		var each []time.Duration
		for i := range min(len(ours), len(bare)) {
			each = append(each, ours[i]-bare[i])
		}
		return micros(median(each))
	}
	half, most := added(ours.p50, bare.p50), added(ours.p99, bare.p99)
	return []row{
		{name: fmt.Sprintf("gateway: p50 of single requests (adds %.0f µs)", half), unit: "µs", ours: micros(median(ours.p50)), baseline: micros(median(bare.p50))},
		{
			name: fmt.Sprintf("gateway: p99 of single requests (adds %.0f µs)", most), unit: "µs", ours: micros(median(ours.p99)), baseline: micros(median(bare.p99)),
			goal: "adds <= 300 µs", met: met(most <= goalAddedUs),
		},
	}
}
