package objection

import (
	"context"
	"slices"
	"time"

	"centinela/services/recovery/internal/claim"
	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/post"
	"centinela/services/recovery/internal/wallet"
	"centinela/shared/record"
	"centinela/shared/secret"
)

// Outcome is what an objection did, to who made it.
type Outcome struct {
	Did        Did
	EarliestAt time.Time // the end of the wait, of what goes on
}

// Did is the kind of an outcome.
type Did string

// The kinds. Before possession was proved, and while more evidence is asked for,
// there is nothing to stop: the objection is kept, and counts when it comes to that.
const (
	Stopped Did = "stopped"
	Delayed Did = "delayed"
	Kept    Did = "kept"
	Noted   Did = "noted"
)

var phrases = map[Did]post.Phrase{
	Stopped: post.ObjectionStopped, Delayed: post.ObjectionLengthens, Kept: post.ObjectionKept, Noted: post.ObjectionNoted,
}

// object brings a number's objection. heard false: it is too late.
func (s *Service) object(ctx context.Context, flow, number, link string, o record.Origin) (outcome Outcome, heard bool, _ error) {
	said := engine.Objection{Flow: flow, Number: number, At: s.o.Clock.Now()}
	heard, err := s.o.Claims.Object(ctx, said, link, o, func(f *claim.Flow, stood claim.FlowState, w *wallet.Wallet) (post.Effects, error) {
		if f.State == claim.RefusedOut { // the account is gone
			return post.Effects{}, nil
		}
		d, _, err := f.Decisions.Last()
		if err != nil {
			return post.Effects{}, err
		}
		outcome = Outcome{did(f, d, said, stood), f.EarliestAt}
		return s.tell(f, w, said, outcome, o)
	})
	return outcome, heard, err
}

// did is what the decision says of the objection, to a flow that stood there.
func did(f *claim.Flow, d engine.Decision, said engine.Objection, stood claim.FlowState) Did {
	i := slices.IndexFunc(d.Objections, said.Same)
	switch {
	case f.State == claim.Collecting && (stood == claim.Waiting || stood == claim.Ready):
		return Stopped
	case f.State == claim.Collecting:
		return Kept
	case i >= 0 && d.Objections[i].Effect == engine.Lengthens:
		return Delayed
	}
	return Noted
}

// tell ends the flow when that is the outcome, records the objection, and answers
// whoever made it.
func (s *Service) tell(f *claim.Flow, w *wallet.Wallet, said engine.Objection, outcome Outcome, o record.Origin) (effects post.Effects, err error) {
	switch outcome.Did {
	case Stopped:
		effects, err = s.end(f, w, said, o)
	case Delayed:
		f.AnnouncedEnd = f.EarliestAt // it is told now, and holds
		fallthrough
	default:
		data := record.Data{"phone": said.Number, "outcome": string(outcome.Did), "rule": string(engine.V8)}
		effects.Events = []record.Event{post.Event(said.At, record.RecoveryObjected, record.Success, f.Account, f.ID, o, data)}
	}
	n := w.Number(said.Number)
	if err != nil || n == nil {
		return effects, err
	}
	text, err := s.o.Wallets.Text(*n, post.Draft{
		Owner: f.ID, Account: f.Account, Purpose: post.Notice, Name: "objection:" + string(outcome.Did) + f.EarliestAt.Format(time.RFC3339),
		Body: secret.NewString(phrases[outcome.Did].In(w.Locale, post.Moment(f.EarliestAt))), ExpiresAt: said.At.Add(24 * time.Hour),
	}, said.At)
	effects.Texts = append(effects.Texts, text)
	return effects, err
}

// end stops the flow, and tells the account's numbers but the one that did.
func (s *Service) end(f *claim.Flow, w *wallet.Wallet, said engine.Objection, o record.Origin) (post.Effects, error) {
	f.State = claim.Vetoed
	var data record.Data
	if said.Number != "" {
		data = record.Data{"phone": said.Number}
	}
	e := post.Event(said.At, record.RecoveryVetoed, record.Success, f.Account, f.ID, o, data)
	texts, err := s.o.Wallets.Notices(w, wallet.Notice{Owner: f.ID, Except: said.Number, Said: post.RecoveryStopped, Name: "vetoed"}, said.At)
	return post.Effects{Events: []record.Event{e}, Texts: texts}, err
}

// strangerFor is how long after a sign-in from a new device nobody can tell which of
// the account's sessions are its owner's.
const strangerFor = 30 * 24 * time.Hour

// ByOwner ends a recovery of one's own account. While a new device signed in less than
// 30 days ago the session has no more power than a number (V8): it ends one that waits on
// one proof. Else who has the password alone could keep an owner out who brings two, one
// after the other. One that is over stays as it is. Errors: claim.ErrNoFlow (or somebody
// else's), ErrCompleting, ErrStranger, wallet.ErrSessionEnded, wallet.ErrUnavailableAuth.
func (s *Service) ByOwner(ctx context.Context, who wallet.Person, o record.Origin, flow string) error {
	if err := s.o.Wallets.Alive(ctx, who); err != nil {
		return err
	}
	f, err := s.o.Store.Flow(ctx, flow)
	if err == nil && f.Account != who.Account {
		err = claim.ErrNoFlow
	}
	said := engine.Objection{Flow: flow, At: s.o.Clock.Now()}
	if err != nil || f.Ended(said.At) {
		return err
	}
	signedIn, err := s.o.Wallets.Unfamiliar(ctx, who.Account)
	if err != nil {
		return err
	}
	allowed := func(f *claim.Flow, stood claim.FlowState) error {
		d, _, err := f.Decisions.Last()
		if err == nil && said.At.Sub(signedIn) < strangerFor && (stood == claim.Collecting || len(d.Evidence) != 1) {
			err = ErrStranger
		}
		return err
	}
	if err := allowed(&f, f.State); err != nil {
		return err
	}
	heard, err := s.o.Claims.Object(ctx, said, "", o, func(f *claim.Flow, stood claim.FlowState, w *wallet.Wallet) (post.Effects, error) {
		if err := allowed(f, stood); err != nil { // a second proof came meanwhile
			return post.Effects{}, err
		}
		effects, err := s.end(f, w, said, o)
		for i := range effects.Events {
			effects.Events[i].Session = who.Session
		}
		return effects, err
	})
	if err != nil || heard {
		return err
	}
	if f, err = s.o.Store.Flow(ctx, flow); err == nil && f.State == claim.Completing {
		err = ErrCompleting
	}
	return err
}
