package firewall

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"centinela/services/audit/internal/rules"
	"centinela/shared/clock"
	"centinela/shared/cursor"
	"centinela/shared/id"
	"centinela/shared/record"
	"centinela/shared/verdicts"
)

const (
	// maxVerdicts is what a gateway looks up in 250 ns (design: audit, the firewall).
	maxVerdicts = 1_000_000
	// tombstoneLife: a follower that was away for longer gets a snapshot.
	tombstoneLife = time.Hour
	sweepInterval = time.Minute
	// pollInterval is how soon a change that another instance made is noticed.
	pollInterval = 250 * time.Millisecond
	// A sweep deletes so many at once, and pauses between.
	sweepPiece = 500
	sweepPause = 20 * time.Millisecond
)

// Firewall makes, lifts and shows verdicts. It is safe for concurrent use.
type Firewall struct {
	store   Store
	clock   clock.Clock
	log     *slog.Logger
	service string
	changed func()
	proxies []netip.Prefix
	current atomic.Int64 // verdicts in force, as of the last count
	latest  atomic.Int64 // newest version seen

	mu      sync.Mutex
	wake    chan struct{} // closed and replaced at a change
	stopped bool
}

// New makes a Firewall whose events are written in service's name. changed is
// called after each change, whose event waits in the store's outbox.
func New(store Store, clk clock.Clock, log *slog.Logger, service string, changed func()) *Firewall {
	return &Firewall{store: store, clock: clk, log: log, service: service, changed: changed, wake: make(chan struct{})}
}

// Open reads how many verdicts are in force.
func (f *Firewall) Open(ctx context.Context) error {
	there, err := f.store.VerdictVersions(ctx)
	if err != nil {
		return err
	}
	f.latest.Store(there.Newest)
	return f.recount(ctx)
}

// Current is the number of verdicts in force, at most a minute old.
func (f *Firewall) Current() int64 { return f.current.Load() }

// Order is what an operator wants.
type Order struct {
	Subjects       []verdicts.Subject // one, or two that are joined
	Action, Reason string
	TTL            time.Duration // 1 s to 365 days
	Force          bool          // also where it would lock operators out
}

// Add puts an operator's order in force. Errors: ErrVerdictInvalid, ErrTooManyVerdicts, the store's.
func (f *Firewall) Add(ctx context.Context, o Order, from record.Origin) (Verdict, error) {
	subjects, err := canonicalSubjects(o.Subjects)
	if err != nil {
		return Verdict{}, err
	}
	if err := checkTerms(o.Action, o.Reason, o.TTL); err != nil {
		return Verdict{}, err
	}
	if err := f.lockout(o, subjects, from.Address); err != nil {
		return Verdict{}, err
	}
	now := f.clock.Now()
	v := Verdict{Verdict: verdicts.Verdict{
		ID: id.New(verdictPrefix), Subjects: subjects, Action: o.Action, Reason: o.Reason, Source: Operator, CreatedAt: now, Until: now.Add(o.TTL),
	}}
	return v, f.add(ctx, v, f.report(now, record.FirewallVerdictAdded, v, from, ""))
}

// Impose puts a rule's decision in force: it makes the verdict longer that the rule
// has in force on the same subjects, or a new one. One that was made before, or is
// over already, changes nothing; with a full table it is dropped and logged. Events
// of a service whose clock is ahead make nobody wait longer than the rule says.
func (f *Firewall) Impose(ctx context.Context, d rules.Decision) error {
	now := f.clock.Now()
	v := Verdict{Verdict: verdicts.Verdict{
		ID: d.ID, Action: d.Action, Decision: d.Trigger, Reason: d.Reason, Source: d.Rule, CreatedAt: d.At, Until: d.Until,
	}}
	for _, s := range d.Subjects {
		v.Subjects = append(v.Subjects, verdicts.Subject(s))
	}
	if ahead := v.CreatedAt.Sub(now); ahead > 0 {
		v.CreatedAt, v.Until = now, v.Until.Add(-ahead)
	}
	if !v.Until.After(now) {
		return nil
	}
	report := func(v Verdict) record.Event {
		return f.report(now, record.FirewallVerdictAdded, v, record.Origin{}, d.Account)
	}
	found, err := f.store.LengthenVerdict(ctx, v, now, report)
	if err == nil && !found {
		err = f.add(ctx, v, report(v))
	} else if err == nil {
		f.announce()
	}
	switch {
	case errors.Is(err, ErrVerdictExists):
		return nil
	case errors.Is(err, ErrTooManyVerdicts):
		// Waiting for room would hold up all that follows from the record.
		f.log.Error("audit: a rule's verdict was dropped", "rule", d.Rule, "trigger", d.Trigger, "error", err.Error())
		return nil
	}
	return err
}

func (f *Firewall) add(ctx context.Context, v Verdict, event record.Event) error {
	if f.current.Load() >= maxVerdicts {
		return ErrTooManyVerdicts
	}
	if err := f.store.AddVerdict(ctx, v, event); err != nil {
		return err
	}
	f.current.Add(1)
	f.announce()
	return nil
}

// Remove lifts a verdict. Errors: ErrVerdictNotFound, the store's.
func (f *Firewall) Remove(ctx context.Context, verdict string, from record.Origin) error {
	now := f.clock.Now()
	err := f.store.RemoveVerdict(ctx, verdict, now, func(v Verdict) record.Event {
		return f.report(now, record.FirewallVerdictRemoved, v, from, "")
	})
	if err != nil {
		return err
	}
	f.current.Add(-1)
	f.announce()
	return nil
}

// report is the event of a change. A verdict on an account, or one that an
// account's own acts brought about, shows in that person's activity: no silent
// block (R7).
func (f *Firewall) report(now time.Time, action string, v Verdict, from record.Origin, account string) record.Event {
	e := record.New(now, f.service, action, record.Success, from)
	e.Target, e.Reason, e.Account = v.ID, v.Reason, account
	kinds := make([]string, len(v.Subjects))
	values := make([]string, len(v.Subjects))
	for i, s := range v.Subjects {
		kinds[i], values[i] = s.Kind, s.Value
		if s.Kind == verdicts.KindAccount {
			e.Account = s.Value
		}
	}
	e.Subject = strings.Join(values, " ")
	e.Data = record.Data{"kinds": kinds, "action": v.Action, "source": v.Source, "level": v.Level, "until": v.Until.Format(time.RFC3339)}
	if v.Decision != "" {
		e.Data["decision_id"] = v.Decision
	}
	return e
}

// Page is a part of the verdicts in force, newest first.
type Page struct {
	Verdicts []Verdict
	Next     string // cursor of the next page; "" at the end
}

type pageCursor struct {
	Version int64 `json:"version"`
}

// List pages through the verdicts in force; limit is from 1 to 100. Errors: cursor.ErrInvalid, the store's.
func (f *Firewall) List(ctx context.Context, from string, limit int) (Page, error) {
	at := pageCursor{Version: math.MaxInt64}
	if from != "" {
		if err := cursor.Decode(from, &at); err != nil {
			return Page{}, err
		}
	}
	found, err := f.store.VerdictsBefore(ctx, f.clock.Now(), at.Version, limit+1)
	if err != nil {
		return Page{}, err
	}
	if len(found) <= limit {
		return Page{Verdicts: found}, nil
	}
	found = found[:limit]
	return Page{Verdicts: found, Next: cursor.Encode(pageCursor{Version: found[limit-1].Version})}, nil
}

func (f *Firewall) recount(ctx context.Context) error {
	n, err := f.store.CountVerdicts(ctx, f.clock.Now())
	if err == nil {
		f.current.Store(n)
	}
	return err
}
