package claim

import (
	"context"
	"time"

	"centinela/services/recovery/internal/post"
	"centinela/shared/record"
)

// supersede ends the other recoveries of the account: whoever else was waiting
// must start again, under the eyes of who just got it back. One that is with
// auth already is refused there, and ends then.
func (s *Service) supersede(ctx context.Context, done *Flow, o record.Origin, now time.Time) error {
	flows, err := s.o.Store.OpenFlows(ctx, done.Account, now)
	if err != nil {
		return err
	}
	for _, f := range flows {
		if f.ID == done.ID || f.State == Completing {
			continue
		}
		if err := s.end(ctx, f.ID, o, now); err != nil {
			return err
		}
	}
	return nil
}

// end refuses a flow because another one of the account was completed.
func (s *Service) end(ctx context.Context, flow string, o record.Origin, now time.Time) error {
	return s.update(ctx, flow, now, func(f *Flow) (post.Effects, error) {
		if f.Ended(now) {
			return post.Effects{}, nil
		}
		return f.refuse("another recovery of the account was completed", o, now), nil
	})
}

func (f *Flow) refuse(why string, o record.Origin, now time.Time) post.Effects {
	f.State = RefusedOut
	e := f.event(now, record.RecoveryRefused, record.Refused, o, nil)
	e.Reason = why
	return post.Effects{Events: []record.Event{e}}
}
