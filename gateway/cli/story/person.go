package story

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"centinela/openapi/sdk"
)

// person has an account, a device and a place.
type person struct {
	name, password string
	codes          []string // saved codes that were not used yet
	client         *sdk.Client
	session        *sdk.Session
}

// phone is a simulated one.
type phone struct {
	id, number string
}

func (p *play) person(name, address string) (*person, error) {
	client, err := p.client(address, sdk.WithDeviceName(name+"'s phone"))
	if err != nil {
		return nil, err
	}
	return &person{name: name + "-" + p.suffix, password: p.newPassword(), client: client}, nil
}

// client is a device that nobody has seen, at that address.
func (p *play) client(address string, opts ...sdk.Option) (*sdk.Client, error) {
	return sdk.New(p.opts.URL, append([]sdk.Option{
		sdk.WithDeviceKey(sdk.NewDeviceKey()), sdk.WithDevAddress(address), sdk.WithUserAgent("centinela-demo/1"),
	}, opts...)...)
}

func (p *play) newPassword() string { return p.opts.PasswordPrefix + " " + letters(10) }

// letters are random, without those that look like others.
func letters(n int) string {
	const alphabet = "abcdefghjkmnpqrstuvwxyz"
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[rand.IntN(len(alphabet))])
	}
	return b.String()
}

// v4 is an address of a network that is reserved for documentation (RFC 5737).
func v4(network string) string { return fmt.Sprintf("%s.%d", network, 1+rand.IntN(254)) }

// v6 is one in a network of its own (RFC 3849).
func v6() string { return fmt.Sprintf("2001:db8:%x:%x::1", 1+rand.IntN(0xfffe), 1+rand.IntN(0xfffe)) }

// mobile is a Peruvian one.
func mobile() string { return fmt.Sprintf("+519%08d", rand.IntN(100_000_000)) }

// again signs a person in from the same device and place.
func (who *person) again(ctx context.Context) error {
	session, err := who.client.SignIn(ctx, who.name, who.password)
	if err != nil {
		return fmt.Errorf("%s signs in again: %w", who.name, err)
	}
	who.session = session
	return nil
}

func (p *play) travel(ctx context.Context, by time.Duration) error {
	before, err := p.dev.Clock(ctx)
	if err != nil {
		return err
	}
	after, err := p.dev.Advance(ctx, by)
	if err != nil {
		return fmt.Errorf("travel %s: %w", by, err)
	}
	gone := after.Now.Sub(before.Now)
	return holds(gone >= by, "the clock "+by.String()+" later", gone.String()+" later")
}

// origin is how a code's text ends, so that phones fill it in.
var origin = regexp.MustCompile(`@\S+ #([0-9]{8})\b`)

// news are the texts that a phone got since the last look, oldest first.
func (p *play) news(ctx context.Context, ph *phone) ([]string, error) {
	texts, err := p.dev.Texts(ctx, ph.number)
	if err != nil {
		return nil, err
	}
	var bodies []string
	for _, t := range slices.Backward(texts) {
		if t.To != ph.number {
			return nil, differs("texts to "+ph.number+" only", "one to "+t.To)
		} else if !p.seen[t.Id] {
			p.seen[t.Id] = true
			bodies = append(bodies, t.Body)
		}
	}
	return bodies, nil
}

// code waits for the next code that a phone gets.
func (p *play) code(ctx context.Context, ph *phone) (string, error) {
	var code string
	err := within(ctx, 10*time.Second, "a text with a code at "+ph.number, func() (string, error) {
		bodies, err := p.news(ctx, ph)
		for _, body := range bodies {
			if found := origin.FindStringSubmatch(body); found != nil {
				code = found[1]
			}
		}
		if err == nil && code == "" {
			return "none", nil
		}
		return "", err
	})
	return code, err
}

// differs says what was expected and what came.
func differs(want, got string) error {
	return fmt.Errorf("%w: expected %s, got %s", ErrDiffers, want, got)
}

// holds is nil where it does.
func holds(ok bool, want, got string) error {
	if ok {
		return nil
	}
	return differs(want, got)
}

// refused holds an error against the code that it should have.
func refused(err error, code, what string) error {
	return holds(sdk.HasCode(err, code), what+" to be refused with "+code, outcome(err))
}

// outcome is an error's text, "success" for none.
func outcome(err error) string {
	if err == nil {
		return "success"
	}
	return err.Error()
}

// within polls until got is "" (no error), at most for that long.
func within(ctx context.Context, limit time.Duration, want string, got func() (string, error)) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		is, err := got()
		if err != nil {
			return err
		}
		if is == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return differs(want+" within "+limit.String(), is)
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// refusedWithin polls until a call is refused with the code, at most for that long.
func refusedWithin(ctx context.Context, limit time.Duration, code, what string, call func() error) error {
	return within(ctx, limit, what+" to be refused with "+code, func() (string, error) {
		err := call()
		if sdk.HasCode(err, code) {
			return "", nil
		}
		return outcome(err), nil
	})
}
