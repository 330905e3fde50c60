package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"centinela/openapi/sdk"
)

// password is what all made-up people have; they live in a temporary folder.
const password = "seven violet walruses juggle"

// visitor is a signed-in person.
type visitor struct {
	name    string
	session *sdk.Session
	token   string // the access token, which outlives the run
}

// visitors makes sure that there are n people, signed in through the gateway. Each comes from an address of its own.
func (s *split) visitors(ctx context.Context, n int) ([]visitor, error) {
	have := len(s.people)
	if have >= n {
		return s.people[:n], nil
	}
	s.b.say("signing up %d people", n-have)
	s.people = append(s.people, make([]visitor, n-have)...)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := have; i < n; i++ {
		group.Go(func() (err error) {
			s.people[i], err = signUp(ctx, "http://"+s.Address("gateway"), i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.people = s.people[:have]
		return nil, fmt.Errorf("sign up: %w", err)
	}
	return s.people, nil
}

func signUp(ctx context.Context, url string, i int) (visitor, error) {
	client, err := sdk.New(url, sdk.WithDevAddress(addressOf(i)))
	if err != nil {
		return visitor{}, err
	}
	defer client.CloseIdle()
	v := visitor{name: fmt.Sprintf("visitor%04d", i)}
	if _, err := client.SignUp(ctx, v.name, password, "en"); err != nil {
		return visitor{}, err
	}
	if v.session, err = client.SignIn(ctx, v.name, password); err != nil {
		return visitor{}, err
	}
	v.token = v.session.Tokens().Access
	return v, nil
}

// addressOf is a made-up client address (RFC 2544's range for benchmarks).
func addressOf(i int) string { return fmt.Sprintf("198.18.%d.%d", i/250, 1+i%250) }
