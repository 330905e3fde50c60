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
	Key    ed25519.PrivateKey
	Head   record.Head
}

// NewWriter is a fresh log of a service.
func NewWriter(service string, key ed25519.PrivateKey) *Writer {
	return &Writer{Source: service + "/" + outbox.NewInstance(), Key: key}
}

// Shipment is the next one, with these events. Their service is the writer's.
func (w *Writer) Shipment(t testing.TB, events ...record.Event) outbox.Shipment {
	t.Helper()
	s := outbox.Shipment{Source: w.Source, From: w.Head.N + 1}
	for _, e := range events {
		e.Service, _, _ = strings.Cut(w.Source, "/")
		sealed, err := e.Seal(w.Source, w.Head.N+1)
		if err != nil {
			t.Fatal(err)
		}
		s.Entries, w.Head = append(s.Entries, sealed), w.Head.Next(sealed.Body)
	}
	s.Head = w.Head
	s.Signature = ed25519.Sign(w.Key, s.Head.Message(w.Source))
	return s
}
