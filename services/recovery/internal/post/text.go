package post

import (
	"time"

	"centinela/shared/id"
	"centinela/shared/secret"
)

// TextState is how far a text has come.
type TextState string

// The states of a text.
const (
	TextPending   TextState = "pending"
	TextSent      TextState = "sent"
	TextFailed    TextState = "failed"
	TextWithdrawn TextState = "withdrawn" // what it was about ended before it was sent
)

// Purpose is what a text is for: it decides how it is sent again.
type Purpose string

// The purposes. A recovery's wait runs from when everybody got its
// announcement; a reminder changes nothing.
const (
	Code         Purpose = "code"
	Notice       Purpose = "notice"
	Announcement Purpose = "announcement"
	Reminder     Purpose = "reminder"
)

// Text is one to be sent, or one that was. Times are UTC, whole milliseconds.
type Text struct {
	ID    string `json:"id"`    // txt_…, the provider's idempotency key
	Owner string `json:"owner"` // id of the flow or account that it was written with
	// Key names the text among its owner's: the same one is written once, so that
	// a repeated step repeats no text.
	Key        string    `json:"key"`
	Purpose    Purpose   `json:"purpose"`
	Account    string    `json:"account,omitempty"`
	Number     string    `json:"number"` // id of the number
	To         []byte    `json:"to,omitempty"`
	Body       []byte    `json:"body,omitempty"`
	State      TextState `json:"state"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero,omitempty"` // not sent after it; zero: never too late
	NextAt     time.Time `json:"next_at,omitzero,omitempty"`    // when to try; zero: finished
	Attempts   int       `json:"attempts,omitempty"`
	ProviderID string    `json:"provider_id,omitempty"`
	FinishedAt time.Time `json:"finished_at,omitzero,omitempty"`
}

// Finish ends the text, and forgets number and body: they were needed only to send.
func (t *Text) Finish(state TextState, now time.Time) {
	t.State, t.FinishedAt, t.NextAt, t.To, t.Body = state, now, time.Time{}, nil, nil
}

// Withdraw finishes the text if it was not sent yet, and says whether it did.
// Stores call it when an owner's texts are over (Effects.Over).
func (t *Text) Withdraw(now time.Time) bool {
	if t.State != TextPending {
		return false
	}
	t.Finish(TextWithdrawn, now)
	return true
}

// Draft is what a text is made of.
type Draft struct {
	Owner, Account string
	Number, To     string // the number's id, and the number in E.164
	Purpose        Purpose
	// Name tells the text from the others to this number of the same owner.
	Name      string
	Body      secret.String
	ExpiresAt time.Time // zero: never too late
}

// Writer seals texts.
type Writer struct {
	key  secret.Key
	host string
}

// NewWriter returns a writer. originHost stands in the last line of a code's
// text, for autofill (Origin-bound one-time codes, WICG).
func NewWriter(key secret.Key, originHost string) *Writer { return &Writer{key, originHost} }

// Write seals a text, due at now.
func (w *Writer) Write(d Draft, now time.Time) Text {
	name := id.NewOrdered("txt")
	return Text{
		ID: name, Owner: d.Owner, Key: d.Number + "|" + d.Name, Purpose: d.Purpose, Account: d.Account, Number: d.Number,
		To:   w.key.Seal([]byte(d.To), aadTo(name)),
		Body: w.key.Seal([]byte(d.Body.Reveal()), aadBody(name)), State: TextPending, CreatedAt: now, NextAt: now, ExpiresAt: d.ExpiresAt,
	}
}

// CodeBody is what a code's text says, with the line for autofill; more is what
// the phrase has beside the code.
func (w *Writer) CodeBody(said Phrase, locale string, code secret.String, more ...string) secret.String {
	return secret.NewString(said.In(locale, append([]string{code.Reveal()}, more...)...) + "\n\n@" + w.host + " #" + code.Reveal())
}

func aadTo(id string) []byte   { return []byte(id + ":to") }
func aadBody(id string) []byte { return []byte(id + ":body") }
