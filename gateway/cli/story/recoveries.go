package story

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"centinela/openapi/sdk"
)

// until is how an announcement says when the wait ends.
var until = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC`)

// wait is what the oldest number alone has to wait for.
const wait = 72 * time.Hour

func (p *play) codeToOldest(ctx context.Context) error {
	// The stranger's tries sent texts; what comes from here on is ana's doing.
	for _, ph := range []*phone{p.phoneA, p.phoneB} {
		if _, err := p.news(ctx, ph); err != nil {
			return err
		}
	}
	r, state, err := p.ana.client.StartRecovery(ctx, p.ana.name)
	if err != nil {
		return err
	}
	if state.State != sdk.Collecting {
		return differs("a recovery that collects evidence", string(state.State))
	}
	p.recovery = r
	if p.recoveryCode, err = p.askCode(ctx, r); err != nil {
		return err
	}
	return p.noCodeAtB(ctx)
}

// askCode asks for a code and reads it at phone A.
func (p *play) askCode(ctx context.Context, r *sdk.Recovery) (string, error) {
	if _, err := r.SendCode(ctx, ""); err != nil {
		return "", err
	}
	return p.code(ctx, p.phoneA)
}

// noCodeAtB: the younger number may be told, but gets no code.
func (p *play) noCodeAtB(ctx context.Context) error {
	bodies, err := p.news(ctx, p.phoneB)
	if err != nil {
		return err
	}
	for _, body := range bodies {
		if origin.MatchString(body) {
			return differs("no code at phone B", "one")
		}
	}
	return nil
}

func (p *play) recoverAtOnce(ctx context.Context) error {
	if _, err := p.recovery.Evidence(ctx, sdk.SMS, p.recoveryCode); err != nil {
		return err
	}
	state, err := p.recovery.Evidence(ctx, sdk.SavedCode, p.ana.codes[0])
	if err != nil {
		return err
	}
	p.ana.codes = p.ana.codes[1:]
	if state.State != sdk.Ready {
		return differs("a recovery that is ready at once", p.explain(state))
	}
	if err := p.complete(ctx, p.recovery); err != nil {
		return err
	}
	return p.noCodeAtB(ctx)
}

// complete sets a new password, and remembers the session that must be dead now.
func (p *play) complete(ctx context.Context, r *sdk.Recovery) error {
	next := p.newPassword()
	state, err := r.Complete(ctx, next)
	if err != nil {
		return err
	}
	if state.State != sdk.Completed {
		return differs("a completed recovery", p.explain(state))
	}
	p.oldSession, p.oldPassword = p.ana.session, p.ana.password
	p.ana.password = next
	return nil
}

func (p *play) oldIsDead(ctx context.Context) error {
	if err := p.dead(ctx, p.oldSession, "the session from before the recovery"); err != nil {
		return err
	}
	_, err := p.ana.client.SignIn(ctx, p.ana.name, p.oldPassword)
	if err := refused(err, sdk.CodeCredentialsInvalid, "the old password"); err != nil {
		return err
	}
	return p.ana.again(ctx)
}

func (p *play) waitAlone(ctx context.Context) error {
	thief, err := p.client(v6())
	if err == nil {
		p.recovery, err = p.startWaiting(ctx, thief)
	}
	return err
}

// startWaiting starts a recovery with phone A alone: it has to wait 72 h, which
// phone B is told.
func (p *play) startWaiting(ctx context.Context, from *sdk.Client) (*sdk.Recovery, error) {
	if _, err := p.news(ctx, p.phoneB); err != nil {
		return nil, err
	}
	r, _, err := from.StartRecovery(ctx, p.ana.name)
	if err != nil {
		return nil, err
	}
	code, err := p.askCode(ctx, r)
	if err != nil {
		return nil, err
	}
	state, err := r.Evidence(ctx, sdk.SMS, code)
	if err != nil {
		return nil, err
	}
	clock, err := p.dev.Clock(ctx)
	if err != nil {
		return nil, err
	}
	if state.State != sdk.Waiting || state.EarliestAt == nil || state.Reason.Text == "" || len(state.ShorterWith) == 0 {
		return nil, differs("a wait with its end, its reason and what would shorten it", p.explain(state))
	}
	if left := state.EarliestAt.Sub(clock.Now); left > wait || left < wait-2*time.Minute {
		return nil, differs("a wait of "+wait.String(), left.String())
	}
	_, err = r.Complete(ctx, p.newPassword())
	if err := refused(err, sdk.CodeNotAllowedYet, "the completion before its time"); err != nil {
		return nil, err
	}
	return r, within(ctx, 10*time.Second, "a text at phone B that announces the recovery and says how to stop it", func() (string, error) {
		bodies, err := p.news(ctx, p.phoneB)
		for _, body := range bodies {
			if origin.MatchString(body) {
				return "", differs("no code at phone B", "one")
			}
			if strings.Contains(body, "NO") && until.MatchString(body) {
				return "", nil
			}
		}
		return "none", err
	})
}

func (p *play) veto(ctx context.Context) error {
	if err := p.dev.Reply(ctx, p.phoneB.number, "NO"); err != nil {
		return err
	}
	err := within(ctx, 10*time.Second, "the recovery vetoed", func() (string, error) {
		state, err := p.recovery.State(ctx)
		if err != nil || state.State == sdk.Vetoed {
			return "", err
		}
		return p.explain(state), nil
	})
	if err != nil {
		return err
	}
	if err := p.travel(ctx, wait); err != nil {
		return err
	}
	_, err = p.recovery.Complete(ctx, p.newPassword())
	var problem *sdk.Problem
	if !errors.As(err, &problem) || problem.Status < 400 || problem.Status >= 500 {
		return differs("the completion of a vetoed recovery to be refused", fmt.Sprint(err))
	}
	if _, err := p.ana.client.SignIn(ctx, p.ana.name, p.ana.password); err != nil {
		return fmt.Errorf("ana's password should still be hers: %w", err)
	}
	return nil
}

func (p *play) recoverAfterWait(ctx context.Context) error {
	if err := p.travel(ctx, 30*24*time.Hour); err != nil {
		return err
	}
	if err := p.ana.again(ctx); err != nil {
		return err
	}
	r, err := p.startWaiting(ctx, p.ana.client)
	if err != nil {
		return err
	}
	if err := p.travel(ctx, wait-10*time.Minute); err != nil {
		return err
	}
	_, err = r.Complete(ctx, p.newPassword())
	if err := refused(err, sdk.CodeNotAllowedYet, "the completion 10 minutes before its time"); err != nil {
		return err
	}
	if err := p.travel(ctx, 10*time.Minute); err != nil {
		return err
	}
	// Signed in right before, so that the reset ends it, and not the time.
	if err := p.ana.again(ctx); err != nil {
		return err
	}
	state, err := r.State(ctx)
	if err != nil {
		return err
	}
	if state.State != sdk.Ready {
		return differs("a recovery that is ready after its wait", p.explain(state))
	}
	if err := p.complete(ctx, r); err != nil {
		return err
	}
	return p.oldIsDead(ctx)
}

func (p *play) explain(state sdk.RecoveryStatus) string {
	text := string(state.State)
	if state.EarliestAt != nil {
		text += " until " + state.EarliestAt.Format(time.RFC3339)
	}
	return text + " because " + state.Reason.Text
}
