package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/deploy/suite"
	"centinela/openapi/sdk"
	"centinela/shared/module"
)

// signIns are a whole suite in one process, and somebody who signs in.
type signIns struct {
	*bench
	suite  *suite.Suite
	client *sdk.Client
}

// measureSignIn profiles the whole suite in one process, on default parameters, while people sign in through the
// gateway, and counts which samples have argon2 on their stack. What the suite does anyway when nobody comes is taken
// off; all else, the gateway and the record too, is rest. Beside it: what a sign-in costs, and what a bare hash does.
func measureSignIn(ctx context.Context, b *bench) ([]row, error) {
	w, err := b.startWhole(ctx, "signin", "gateway.rates.sign_in=1000000000-H")
	if err != nil {
		return nil, err
	}
	b.atEnd(w.Stop)
	client, err := sdk.New(w.URL)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdle()
	if _, err := client.SignUp(ctx, "ana", password, "en"); err != nil {
		return nil, err
	}
	bare, err := b.startBaseline("hash", "hash")
	if err != nil {
		return nil, err
	}

	s := signIns{b, w, client}
	inAuth, inAll, err := s.transactions(ctx)
	if err != nil {
		return nil, err
	}
	_, idle, err := s.slice(ctx, &series{}, func(ctx context.Context) error { return pause(ctx, 100*time.Millisecond) })
	if err != nil {
		return nil, err
	}
	var ours, hashes series
	var argon, total float64
	for range b.pick(4, 2) {
		if err := hashSlice(ctx, bare, &hashes); err != nil {
			return nil, err
		}
		part, all, err := s.slice(ctx, &ours, s.signIn)
		if err != nil {
			return nil, err
		}
		argon, total = argon+part, total+all-idle
	}
	return []row{
		{name: "sign-in: share of the CPU that is argon2", unit: "%", ours: 100 * argon / max(total, 1), baseline: 100, goal: goal{limit: 95, atLeast: true}},
		compare("sign-in: CPU, against a bare argon2id", "µs", ours.cpu, hashes.cpu),
		{name: "sign-in: transactions of auth's database", ours: inAuth, goal: goal{limit: 3}},
		{name: "sign-in: transactions of all databases", ours: inAll},
	}, nil
}

func (s signIns) signIn(ctx context.Context) error {
	_, err := s.client.SignIn(ctx, "ana", password)
	return err
}

// transactions are how often a sign-in makes auth's database write, and all databases together, with what follows from
// it: its event is shipped, recorded and followed.
func (s signIns) transactions(ctx context.Context) (inAuth, inAll float64, err error) {
	const times = 15 // of so few sessions none is ended for the others
	before, err := s.commits(ctx)
	if err != nil {
		return 0, 0, err
	}
	for range times {
		if err := s.signIn(ctx); err != nil {
			return 0, 0, err
		}
	}
	after, err := s.commits(ctx)
	for name, n := range after {
		each := float64(n-before[name]) / times
		if inAll += each; name == module.Auth {
			inAuth = each
		}
	}
	return inAuth, inAll, err
}

// commits counts when all that was written is shipped.
func (s signIns) commits(ctx context.Context) (map[string]uint32, error) {
	if _, err := settle(ctx, s.suite.Process(all)); err != nil {
		return nil, err
	}
	return commits(s.suite.Data)
}

func hashSlice(ctx context.Context, bare server, to *series) error {
	before, err := settle(ctx, bare.Process)
	if err != nil {
		return err
	}
	began := time.Now()
	var done int
	if err := bare.ask(ctx, 8, &done); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := settle(ctx, bare.Process)
	to.add(done, took, after-before)
	return err
}

// slice does work again and again for as long as a profile runs, and returns its samples with argon2, and all of them.
func (s signIns) slice(ctx context.Context, to *series, work func(ctx context.Context) error) (argon, total float64, err error) {
	before, err := settle(ctx, s.suite.Process(all))
	if err != nil {
		return 0, 0, err
	}
	var profile []byte
	began := time.Now()
	done := 0
	group, groupCtx := errgroup.WithContext(ctx)
	over := make(chan struct{})
	group.Go(func() (err error) {
		defer close(over)
		profile, err = fetch(groupCtx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.suite.Ops(all), s.pick(4, 2)))
		return err
	})
	group.Go(func() error {
		for {
			select {
			case <-over:
				return nil
			default:
			}
			if err := work(groupCtx); err != nil {
				return err
			}
			done++
		}
	})
	if err := group.Wait(); err != nil {
		return 0, 0, err
	}
	took := time.Since(began)
	after, err := settle(ctx, s.suite.Process(all))
	if err != nil {
		return 0, 0, err
	}
	to.add(done, took, after-before)
	return s.samples(ctx, profile, hashFunctions)
}
