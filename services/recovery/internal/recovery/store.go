package recovery

import (
	"context"
	"time"

	"centinela/shared/record"
	"centinela/shared/sms"
)

// Effects are written with the change that they report: both or neither.
type Effects struct {
	Events []record.Event
	// Texts are to be sent. A text whose ID exists already for this owner is
	// left as it is, so that a repeated step repeats no text.
	Texts []Text
}

// Store keeps wallets, flows and counters. Every method is atomic; callbacks may
// run several times and must only change their argument; a callback's error
// comes back as it is, and nothing is written. Errors else: unavailable, the
// context's.
type Store interface {
	// Wallet returns the account's wallet, an empty one when there is none.
	Wallet(ctx context.Context, account string) (Wallet, error)
	// UpdateWallet loads (or starts), changes and keeps a wallet.
	UpdateWallet(ctx context.Context, account string, change func(*Wallet) (Effects, error)) error
	// WalletsByNumber returns the wallets that hold a number with that MAC, by account.
	WalletsByNumber(ctx context.Context, mac string) ([]Wallet, error)
	// CreateFlow keeps a new flow.
	CreateFlow(ctx context.Context, f Flow, e Effects) error
	// Flow returns a flow, or ErrNoFlow.
	Flow(ctx context.Context, id string) (Flow, error)
	// UpdateFlow loads, changes and keeps a flow, or ErrNoFlow.
	UpdateFlow(ctx context.Context, id string, change func(*Flow) (Effects, error)) error
	// FlowsOfAccount returns the newest flows first.
	FlowsOfAccount(ctx context.Context, account string, limit int) ([]Flow, error)
	// OpenFlows returns all flows of the account whose OpenUntil is after now.
	OpenFlows(ctx context.Context, account string, now time.Time) ([]Flow, error)
	// FlowByVetoToken returns the flow with that token's hash (hex), or ErrNoFlow.
	FlowByVetoToken(ctx context.Context, hash string) (Flow, error)
	// TextsOf returns the texts that were written with a flow, also sent ones.
	TextsOf(ctx context.Context, flow string) ([]Text, error)
	// Due returns accounts whose wallets, and ids of flows, whose NextAt is not after now.
	Due(ctx context.Context, now time.Time, limit int) (accounts, flows []string, err error)
	// Count adds 1 to a counter and returns the new value. A counter starts
	// again when window has passed since its first count.
	Count(ctx context.Context, key string, now time.Time, window time.Duration) (int, error)
	// Uncount sets a counter back; one that isn't there is no error.
	Uncount(ctx context.Context, key string) error
	// Prune deletes what is over: counters, flows with ForgetAt not after now
	// whose events are shipped, finished and simulated texts older than a week.
	Prune(ctx context.Context, now time.Time) error
}

// Texts is the queue of texts; the same store implements it.
type Texts interface {
	// ClaimTexts takes due texts (NextAt not after now): each is given to one
	// caller until the lease ends.
	ClaimTexts(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]Text, error)
	// UpdateText changes one text and writes events with it, or ErrNoText.
	UpdateText(ctx context.Context, owner, id string, change func(*Text) ([]record.Event, error)) error
	// TextByProvider finds a text by the provider's name for it, or ErrNoText.
	TextByProvider(ctx context.Context, providerID string) (Text, error)
}

// Inbox keeps the simulator's texts (development only); the same store implements it.
type Inbox interface {
	sms.Inbox
	// Kept returns simulated texts, newest first; of one number when it is not empty.
	Kept(ctx context.Context, number string, limit int) ([]KeptText, error)
}

// KeptText is a simulated text as its phone shows it.
type KeptText struct {
	ID   string    `json:"id" bson:"_id"`
	To   string    `json:"to" bson:"to"`
	Body string    `json:"body" bson:"body"`
	At   time.Time `json:"at" bson:"at"`
}

// TextState is how far a text has come.
type TextState string

// The states of a text.
const (
	TextPending TextState = "pending"
	TextSent    TextState = "sent"
	TextFailed  TextState = "failed"
)

// Text is one to be sent, or one that was.
type Text struct {
	ID         string    `json:"id" bson:"id"`       // txt_…, the idempotency key
	Owner      string    `json:"owner" bson:"owner"` // id of the flow or account that it was written with
	Purpose    string    `json:"purpose" bson:"purpose"`
	Account    string    `json:"account,omitempty" bson:"account,omitempty"`
	Number     string    `json:"number" bson:"number"` // id of the number
	To         []byte    `json:"to,omitempty" bson:"to,omitempty"`
	Body       []byte    `json:"body,omitempty" bson:"body,omitempty"`
	State      TextState `json:"state" bson:"state"`
	CreatedAt  time.Time `json:"created_at" bson:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero" bson:"expires_at,omitempty"` // not sent after it; zero: never too late
	NextAt     time.Time `json:"next_at,omitzero" bson:"next_at,omitempty"`       // when to try; zero: finished
	Attempts   int       `json:"attempts,omitempty" bson:"attempts,omitempty"`
	ProviderID string    `json:"provider_id,omitempty" bson:"provider_id,omitempty"`
	FinishedAt time.Time `json:"finished_at,omitzero" bson:"finished_at,omitempty"`
}
