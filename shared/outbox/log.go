package outbox

import (
	"context"
	"time"

	"centinela/shared/record"
)

// Entry is an event in a log, as it was sealed.
type Entry struct {
	N int64
	record.Sealed
}

// Log keeps a source's events in order until they are shipped. Several processes
// may share one.
type Log interface {
	// Shipped names the log's instance, and how far its receiver has it.
	Shipped(ctx context.Context) (instance string, head record.Head, err error)
	// After returns at most limit entries above n, ascending.
	After(ctx context.Context, n int64, limit int) ([]Entry, error)
	// Trim moves the cursor to a head that the receiver has, and forgets what is
	// before it. A head that isn't beyond the cursor changes nothing.
	Trim(ctx context.Context, head record.Head) error
	// Supersede gives the number n to another event, and keeps the one that had it,
	// if there was one, aside with the reason.
	Supersede(ctx context.Context, n int64, with record.Sealed, reason string) error
	// Renew goes on under a new instance: notice is its first event, and what was
	// not shipped comes after it. What can't be read any more is kept aside.
	Renew(ctx context.Context, notice record.Event) error
}

// Sink hands a shipment over, and returns what the receiver holds of the source
// then, durably, whether it came with this shipment or before.
type Sink func(ctx context.Context, s record.Shipment) (record.Head, error)

// Holds reports whether the log, from its cursor on, comes to that head.
func Holds(ctx context.Context, log Log, cursor, head record.Head) (bool, error) {
	for own := cursor; own.N <= head.N; {
		if own == head {
			return true, nil
		}
		entries, err := log.After(ctx, own.N, batch)
		if err != nil || len(entries) == 0 {
			return false, err
		}
		for _, e := range entries {
			if e.N != own.N+1 {
				return false, nil
			}
			if own = own.Next(e.Body); own == head {
				return true, nil
			}
		}
	}
	return false, nil
}

// Reseal numbers entries anew for another source, behind notice. Entries that
// can't be read are returned as damaged.
func Reseal(source string, notice record.Event, entries []Entry) (sealed []record.Sealed, damaged []Entry, err error) {
	first, err := notice.Seal(source, 1)
	if err != nil {
		return nil, nil, err
	}
	sealed = append(sealed, first)
	for _, entry := range entries {
		again, err := reseal(source, int64(len(sealed))+1, entry)
		if err != nil {
			damaged = append(damaged, entry)
			continue
		}
		sealed = append(sealed, again)
	}
	return sealed, damaged, nil
}

func reseal(source string, n int64, entry Entry) (record.Sealed, error) {
	env, err := Open(entry.Sealed)
	if err != nil {
		return record.Sealed{}, err
	}
	return env.Event.Seal(source, n)
}

// Open reads an entry, with all of its data in Event.Data. Errors: record's, of what
// isn't a record or has other openings.
func Open(s record.Sealed) (record.Envelope, error) {
	env, err := record.Parse(s.Body)
	if err == nil {
		err = env.Disclose(s.Openings)
	}
	env.Event.Data = env.Data()
	return env, err
}

// Gap is the event that takes the number n of a source where there is none, or one
// that can't be recorded.
func Gap(now time.Time, service, source string, n int64) (record.Sealed, error) {
	gap := record.New(now, service, record.AuditGap, record.Failure, record.Origin{})
	gap.Reason = "an event could not be recorded, and was kept aside by its service"
	gap.Data = record.Data{"source": source, "n": n}
	return gap.Seal(source, n)
}
