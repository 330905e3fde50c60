package post

import (
	"context"
	"time"

	"centinela/shared/fault"
	"centinela/shared/record"
	"centinela/shared/sms"
)

// ServiceName is this service's name in events.
const ServiceName = "recovery"

// Effects are written with the change that they report: both or neither.
type Effects struct {
	Events []record.Event
	// Texts are to be sent. A text whose Key exists already for this owner is
	// left as it is, so that a repeated step repeats no text.
	Texts []Text
	// Over is when what the owner's texts are about ended, zero while it goes on:
	// those that were not sent yet are withdrawn, except the ones written here (MG W1).
	Over time.Time
	// Refused is what the caller is told although the effects are written: a wrong
	// code is an event as well. Nil: nothing was refused.
	Refused error
}

// Event is about an account. target is the id that it is about; data may be nil.
func Event(now time.Time, action, outcome, account, target string, o record.Origin, data record.Data) record.Event {
	e := record.New(now, ServiceName, action, outcome, o)
	e.Account, e.Target, e.Data = account, target, data
	return e
}

// ErrNoText says that there is no such text (any more).
var ErrNoText = fault.New(fault.KindNotFound, fault.CodeNotFound, "no such text")

// DamagedFor is how long a text that can't be read is left alone: it holds no other up.
const DamagedFor = time.Minute

// Store is the queue of texts. Every method is atomic; callbacks may run several
// times and must only change their argument; a callback's error comes back as it
// is, and nothing is written. Errors else: unavailable, the context's.
type Store interface {
	// ClaimTexts takes due texts (NextAt not after now), the longest due first:
	// each is given to one caller until the lease ends. What can't be read is put
	// off for [DamagedFor], and named in an error beside those that can.
	ClaimTexts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]Text, error)
	// UpdateText changes one text and writes events with it, or ErrNoText.
	UpdateText(ctx context.Context, owner, id string, change func(*Text) ([]record.Event, error)) error
	// TextByProvider finds a text by the provider's name for it, or ErrNoText.
	TextByProvider(ctx context.Context, providerID string) (Text, error)
	// PruneTexts forgets texts that were finished at before or earlier, at most
	// limit at once, and returns how many owners or texts it looked at.
	PruneTexts(ctx context.Context, before time.Time, limit int) (int, error)
}

// Inbox keeps the simulator's texts (development only); the same store implements it.
type Inbox interface {
	sms.Inbox
	// Kept returns simulated texts, newest first; of one number when it is not empty.
	Kept(ctx context.Context, number string, limit int) ([]KeptText, error)
	// PruneInbox forgets texts kept at before or earlier, at most limit, and
	// returns how many.
	PruneInbox(ctx context.Context, before time.Time, limit int) (int, error)
}

// KeptText is a simulated text as its phone shows it.
type KeptText struct {
	ID   string    `json:"id"`
	To   string    `json:"to"`
	Body string    `json:"body"`
	At   time.Time `json:"at"`
}

// KeepFinished is how long finished and simulated texts are kept: as long as news
// of their delivery may come.
const KeepFinished = 7 * 24 * time.Hour
