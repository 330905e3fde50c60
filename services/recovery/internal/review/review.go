package review

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
)

// ErrAltered is a chain of decisions that isn't as it was written.
var ErrAltered = errors.New("the decisions of this recovery were altered")

// Store is what a review reads.
type Store interface {
	// Flow returns a flow, or claim.ErrNoFlow.
	Flow(ctx context.Context, id string) (claim.Flow, error)
	// FlowsAfter returns flows in the order of their ids.
	FlowsAfter(ctx context.Context, id string, limit int) ([]claim.Flow, error)
	// Policy is the text of a policy that decided, or claim.ErrNoPolicy.
	Policy(ctx context.Context, hash string) (string, error)
}

const page = 200 // flows that are read at once

// Explain writes every decision of a recovery, with its reasons in the language of
// locale, and whether the policy of then decides the same today. Errors:
// claim.ErrNoFlow, ErrAltered, the store's.
func Explain(ctx context.Context, s Store, id, locale string, out io.Writer) error {
	f, err := s.Flow(ctx, id)
	if err != nil {
		return err
	}
	account := f.Account
	if account == "" {
		account = "no account"
	}
	fmt.Fprintf(out, "%s of %s: %s, started %s\n", f.ID, account, f.State, f.StartedAt.Format(time.RFC3339))
	if !f.Decisions.Whole() {
		return fmt.Errorf("%w: %s", ErrAltered, id)
	}
	if len(f.Decisions) == 0 {
		fmt.Fprintln(out, "nothing was decided: no evidence was accepted")
	}
	for i, j := range f.Decisions {
		d, err := j.Decided()
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%d. %s: %s by policy %.12s\n", i+1, j.At.Format(time.RFC3339), said(d), d.PolicyHash)
		write(out, d, locale)
		if err := again(ctx, s, j, d, out); err != nil {
			return err
		}
	}
	return nil
}

func write(out io.Writer, d engine.Decision, locale string) {
	fmt.Fprintf(out, "   evidence: %s\n", orNone(d.Evidence))
	if len(d.Because) > 0 {
		fmt.Fprintf(out, "   lengthened by: %s\n", strings.Join(d.Because, ", "))
	}
	for _, rule := range d.Rules {
		fmt.Fprintf(out, "   %-3s %s\n", rule, rule.Sentence(locale))
	}
	for _, shorter := range engine.Shorter(d, locale) {
		fmt.Fprintf(out, "   %s\n", shorter)
	}
}

// again decides once more by the policy of then.
func again(ctx context.Context, s Store, j engine.Judgement, then engine.Decision, out io.Writer) error {
	text, err := s.Policy(ctx, then.PolicyHash)
	if errors.Is(err, claim.ErrNoPolicy) {
		fmt.Fprintln(out, "   its policy was not kept")
		return nil
	}
	if err != nil {
		return err
	}
	p, err := engine.Parse([]byte(text))
	if err != nil {
		fmt.Fprintln(out, "   its policy can't be read by this version")
		return nil
	}
	now, err := j.Again(p)
	switch {
	case err != nil:
		return err
	case now.Verdict != then.Verdict || !now.EarliestAt.Equal(then.EarliestAt):
		fmt.Fprintf(out, "   this version decides otherwise by the same policy: %s\n", said(now))
	}
	return nil
}

// Replay writes what p says of the facts of every kept decision, or of one
// recovery's (id not empty), where it differs, and how many there are. Errors:
// claim.ErrNoFlow, ErrAltered, the store's.
func Replay(ctx context.Context, s Store, id string, p engine.Policy, out io.Writer) error {
	var all tally
	visit := func(f claim.Flow) error { return all.replay(f, p, out) }
	if id != "" {
		f, err := s.Flow(ctx, id)
		if err == nil {
			err = visit(f)
		}
		if err != nil {
			return err
		}
	} else if err := everyFlow(ctx, s, visit); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d decisions of %d recoveries: %d the same, %d sooner, %d later (policy %.12s)\n",
		all.decisions, all.flows, all.decisions-all.sooner-all.later, all.sooner, all.later, p.Hash())
	return err
}

func everyFlow(ctx context.Context, s Store, visit func(claim.Flow) error) error {
	for after := ""; ; {
		flows, err := s.FlowsAfter(ctx, after, page)
		if err != nil || len(flows) == 0 {
			return err
		}
		for _, f := range flows {
			if err := visit(f); err != nil {
				return err
			}
		}
		after = flows[len(flows)-1].ID
	}
}

type tally struct{ flows, decisions, sooner, later int }

func (t *tally) replay(f claim.Flow, p engine.Policy, out io.Writer) error {
	if !f.Decisions.Whole() {
		return fmt.Errorf("%w: %s", ErrAltered, f.ID)
	}
	t.flows++
	for i, j := range f.Decisions {
		then, err := j.Decided()
		if err != nil {
			return err
		}
		now, err := j.Again(p)
		if err != nil {
			return err
		}
		t.decisions++
		order := compare(now, then)
		switch {
		case order < 0:
			t.sooner++
		case order > 0:
			t.later++
		default:
			continue
		}
		fmt.Fprintf(out, "%s %d: %s, now %s\n", f.ID, i+1, said(then), said(now))
	}
	return nil
}

// compare is below 0 when a lets the claimant in sooner than b.
func compare(a, b engine.Decision) int {
	switch {
	case a.EarliestAt.IsZero() && b.EarliestAt.IsZero():
		return 0
	case a.EarliestAt.IsZero():
		return 1
	case b.EarliestAt.IsZero():
		return -1
	}
	return a.EarliestAt.Compare(b.EarliestAt)
}

func said(d engine.Decision) string {
	text := string(d.Verdict)
	if d.Verdict == engine.Wait {
		text += " until " + d.EarliestAt.Format(time.RFC3339)
	}
	for _, row := range d.Rows {
		text += " (" + string(row) + ")"
	}
	return text
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none that counts"
	}
	return strings.Join(list, ", ")
}
