package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"centinela/deploy/suite"
	"centinela/shared/module"
)

// fronts are what stands in front of a service in memory: the gateway with every protection on, and two bare ones.
type fronts struct {
	gateway, gin, proxy server
}

// door is a case: the same request to each of the fronts, one after the other.
type door struct {
	name    string
	request []byte
	status  int
	conns   int // that are kept busy at the same time
	slice   time.Duration
	goal    goal // of the CPU against the bare proxy

	gateway, gin, proxy series
}

// measureGateway compares the gateway with a bare httputil.ReverseProxy, and with gin in front of one, before a service
// that answers from memory.
func measureGateway(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.splitSuite(ctx)
	if err != nil {
		return nil, err
	}
	people, err := s.visitors(ctx, 1)
	if err != nil {
		return nil, err
	}
	f, err := s.openFronts(ctx)
	if err != nil {
		return nil, err
	}
	busy, single := time.Duration(b.pick(700, 300))*time.Millisecond, time.Duration(b.pick(500, 200))*time.Millisecond
	get := rawRequest("GET", "/v1/me", "", "Authorization: Bearer "+people[0].token)
	post := rawRequest("POST", "/v1/accounts", `{"user_name":"somebody","password":"`+password+`","locale":"en"}`)
	doors := []*door{
		{name: "GET", request: get, status: 200, conns: 16, slice: busy, goal: goal{limit: 1.15, ratio: true}},
		{name: "POST", request: post, status: 201, conns: 16, slice: busy, goal: goal{limit: 1.2, ratio: true}},
		{name: "single GET", request: get, status: 200, conns: 1, slice: single},
	}
	for range b.pick(6, 2) {
		for _, d := range doors {
			if err := d.round(ctx, f); err != nil {
				return nil, fmt.Errorf("%s: %w", d.name, err)
			}
		}
	}
	var rows []row
	for _, d := range doors[:2] {
		rows = append(
			rows,
			compare("gateway: "+d.name+", against a bare ReverseProxy", "req/s", d.gateway.rate, d.proxy.rate),
			compare("  CPU a request", "µs", d.gateway.cpu, d.proxy.cpu).aims(d.goal),
			compare("  against bare gin + ReverseProxy", "req/s", d.gateway.rate, d.gin.rate).aims(goal{limit: 0.7, atLeast: true, ratio: true}),
		)
	}
	// The bare proxy, without a pool of buffers, has its p99 from the garbage collector: the p50 stands beside it.
	ours, bare := doors[2].gateway, doors[2].gin
	return append(
		rows,
		compare("gateway: p50 of single requests, against bare gin + ReverseProxy", "µs", ours.p50, bare.p50),
		compare("  p99", "µs", ours.p99, bare.p99),
		row{name: "  added to the p99", unit: "µs", ours: median(ours.p99) - median(bare.p99), goal: goal{limit: 300}},
	), nil
}

// openFronts starts a service in memory, which leaves keys and sessions to auth, and the fronts.
func (s *split) openFronts(ctx context.Context) (f fronts, err error) {
	memory, err := s.b.startBaseline("service", "service", s.Address(module.Auth))
	if err != nil {
		return f, err
	}
	if f.gin, err = s.b.startBaseline("gin", "gin", memory.address); err != nil {
		return f, err
	}
	if f.proxy, err = s.b.startBaseline("proxy", "proxy", memory.address); err != nil {
		return f, err
	}
	ports, err := suite.FreePorts(2)
	if err != nil {
		return f, err
	}
	args := slices.Concat([]string{module.Gateway}, s.Args(), suite.Flags(
		"key_dir="+filepath.Join(s.Data, "keys"), "data_dir="+filepath.Join(s.b.dir, "second"),
		"gateway.listen="+ports[0], "services.gateway.ops="+ports[1], "services.auth.url=http://"+memory.address,
	))
	second, err := suite.Launch(s.b.dir, "second-gateway", s.b.binary, args...)
	if err != nil {
		return f, err
	}
	s.b.atEnd(second.Terminate)
	f.gateway = server{second, ports[0]}
	s.b.say("go tool pprof http://%s/debug/pprof/profile looks at the gateway that is measured", ports[1])
	return f, second.AwaitReady(ctx, ports[1])
}

// round keeps each front busy for a slice, the first time after a short one, until its connections and caches are there.
func (d *door) round(ctx context.Context, f fronts) error {
	for _, side := range []struct {
		of server
		to *series
	}{{f.gateway, &d.gateway}, {f.gin, &d.gin}, {f.proxy, &d.proxy}} {
		l := load{side.of.address, d.request, d.status}
		if side.to.rate == nil {
			if _, _, err := l.run(ctx, d.conns, 100*time.Millisecond); err != nil {
				return fmt.Errorf("%s: %w", side.of.Name, err)
			}
		}
		before, err := side.of.CPU()
		if err != nil {
			return err
		}
		done, took, err := l.run(ctx, d.conns, d.slice)
		if err != nil {
			return fmt.Errorf("%s: %w", side.of.Name, err)
		}
		after, err := side.of.CPU()
		if err != nil {
			return err
		}
		side.to.add(len(done), took, after-before)
		side.to.addLatencies(done)
		if err := side.of.TrimLog(maxLog); err != nil {
			return err
		}
	}
	return nil
}
