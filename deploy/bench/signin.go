package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/deploy/suite"
	"centinela/openapi/sdk"
	"centinela/shared/module"
)

const (
	goalHash   = 95 // % of a sign-in's CPU (design: auth, "Parameters")
	goalWrites = 3  // transactions of auth's a sign-in
)

// measureSignIn profiles the whole suite in one process, on default parameters, while people sign in through the
// gateway, and counts which samples have argon2 on their stack. What the suite does anyway when nobody comes is taken
// off; all else, the gateway and the record too, is rest. Beside it: what a sign-in costs, and what a bare hash does.
func measureSignIn(ctx context.Context, b *bench) (rows []row, err error) {
	w, err := b.startWhole(ctx, "signin", "gateway.rates.sign_in=1000000000-H")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	client, err := sdk.New(w.URL)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdle()
	if _, err := client.SignUp(ctx, "ana", password, "en"); err != nil {
		return nil, err
	}
	bare, address, err := b.startBaseline("hash", "hash")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.Terminate()) }()

	inAuth, inAll, err := transactions(ctx, w, client)
	if err != nil {
		return nil, err
	}
	idle, err := b.idleSamples(ctx, w)
	if err != nil {
		return nil, err
	}
	var ours, hashes series
	var argon, total int64
	for range b.pick(4, 2) {
		if err := b.hashSlice(ctx, bare, address, &hashes); err != nil {
			return nil, err
		}
		part, all, err := b.signInSlice(ctx, w, client, &ours)
		if err != nil {
			return nil, err
		}
		argon, total = argon+part, total+all-idle
	}
	share := 100 * float64(argon) / float64(max(total, 1))
	ms := func(s series) float64 { return median(s.cpu) * 1000 }
	return []row{
		{name: "sign-in: share of the CPU that is argon2", unit: "%", ours: share, baseline: 100, goal: ">= 95 %", met: met(share >= goalHash)},
		{name: "sign-in: CPU, against a bare argon2id", unit: "ms", ours: ms(ours), baseline: ms(hashes), ratio: median(ratios(ours.cpu, hashes.cpu))},
		{name: "sign-in: transactions of auth's database", unit: "1", ours: inAuth, goal: "<= 3", met: met(inAuth <= goalWrites)},
		{name: "sign-in: transactions of all databases", unit: "1", ours: inAll},
	}, nil
}

// transactions are how often a sign-in makes auth's database write, and all databases together, with what follows from
// it: its event is shipped, recorded and followed.
func transactions(ctx context.Context, w *suite.Suite, client *sdk.Client) (inAuth, inAll float64, err error) {
	const signIns = 10 // a log isn't begun anew meanwhile
	var seen [2]map[string]int
	for i := range seen {
		if i > 0 {
			for range signIns {
				if _, err := client.SignIn(ctx, "ana", password); err != nil {
					return 0, 0, err
				}
			}
		}
		if _, err := settle(ctx, w.Process(all)); err != nil {
			return 0, 0, err
		}
		if seen[i], err = commits(w.Data); err != nil {
			return 0, 0, err
		}
	}
	for name, n := range seen[1] {
		each := float64(n-seen[0][name]) / signIns
		if inAll += each; name == module.Auth {
			inAuth = each
		}
	}
	return inAuth, inAll, nil
}

// sliceLength is how long a profile runs.
func (b *bench) sliceLength() time.Duration { return time.Duration(b.pick(4, 2)) * time.Second }

// idleSamples are those of a slice in which nobody comes.
func (b *bench) idleSamples(ctx context.Context, w *suite.Suite) (int64, error) {
	if _, err := settle(ctx, w.Process(all)); err != nil {
		return 0, err
	}
	profile, err := cpuProfile(ctx, w.Ops(all), b.sliceLength())
	if err != nil {
		return 0, err
	}
	_, idle, err := b.samples(ctx, profile, hashFunctions)
	return idle, err
}

func (b *bench) hashSlice(ctx context.Context, bare *suite.Process, address string, to *series) error {
	const n = 8
	before, err := settle(ctx, bare)
	if err != nil {
		return err
	}
	began := time.Now()
	var done int
	if err := postJSON(ctx, fmt.Sprintf("http://%s/?n=%d", address, n), &done); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := settle(ctx, bare)
	to.add(done, took, after-before)
	return err
}

// signInSlice signs in for as long as a profile runs, and returns its samples with argon2, and all of them.
func (b *bench) signInSlice(ctx context.Context, w *suite.Suite, client *sdk.Client, to *series) (argon, total int64, err error) {
	before, err := settle(ctx, w.Process(all))
	if err != nil {
		return 0, 0, err
	}
	var profile []byte
	began := time.Now()
	done := 0
	group, groupCtx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	group.Go(func() error {
		defer close(ended)
		var err error
		profile, err = cpuProfile(groupCtx, w.Ops(all), b.sliceLength())
		return err
	})
	group.Go(func() error {
		for {
			select {
			case <-ended:
				return nil
			default:
			}
			if _, err := client.SignIn(groupCtx, "ana", password); err != nil {
				return err
			}
			done++
		}
	})
	if err := group.Wait(); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	after, err := settle(ctx, w.Process(all))
	if err != nil {
		return 0, 0, err
	}
	to.add(done, took, after-before)
	if b.profiles != "" {
		if err := os.WriteFile(filepath.Join(b.profiles, "signin.pprof"), profile, 0o600); err != nil {
			return 0, 0, err
		}
	}
	return b.samples(ctx, profile, hashFunctions)
}
