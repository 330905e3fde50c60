package outboxtest

import (
	"crypto/ed25519"
	"strings"
	"testing"

	"centinela/shared/outbox"
	"centinela/shared/record"
)

// Writer is a source that ships what it is given, signed with its service's key.
type Writer struct {
	Source string // service/instance
	Sign   func(message []byte) []byte
	Head   record.Head
}

// NewWriter is a fresh log of a service; sign makes its key's signatures (Signing, or a svcauth.Signer's).
func NewWriter(service string, sign func(message []byte) []byte) *Writer {
	return &Writer{Source: service + "/" + outbox.NewInstance(), Sign: sign}
}

// Signing signs with a key.
func Signing(key ed25519.PrivateKey) func(message []byte) []byte {
	return func(message []byte) []byte { return ed25519.Sign(key, message) }
}

// Shipment is the next one, with these events. Their service is the writer's.
func (w *Writer) Shipment(t testing.TB, events ...record.Event) record.Shipment {
	t.Helper()
	s := record.Shipment{Source: w.Source, From: w.Head.N + 1}
	for _, e := range events {
		e.Service, _, _ = strings.Cut(w.Source, "/")
		sealed, err := e.Seal(w.Source, w.Head.N+1)
		if err != nil {
			t.Fatal(err)
		}
		s.Entries, w.Head = append(s.Entries, sealed), w.Head.Next(sealed.Body)
	}
	s.Head = w.Head
	s.Signature = w.Sign(s.Head.Message(w.Source))
	return s
}
