package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"centinela/shared/auditlink"
	"centinela/shared/httpkit"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/record"
)

const (
	eventsABatch = 200 // the most that a call may bring
	postersAudit = 4   // services whose outboxes ship at the same time
)

// measureAudit compares events stored by `POST /internal/events`, checked, hashed and chained, with bare inserts of the
// same bytes. Both are synced before they are answered.
func measureAudit(ctx context.Context, b *bench) ([]row, error) {
	s, err := b.newSplit(ctx, "ledger", module.Audit, module.Auth) // audit is ready once it knows auth
	if err != nil {
		return nil, err
	}
	b.atEnd(s.stop)
	bare, err := b.startBaseline("rows", "rows", filepath.Join(b.dir, "plain.db"))
	if err != nil {
		return nil, err
	}

	batches := b.pick(60, 12)
	var ours, plain series
	for range b.pick(7, 3) {
		if err := s.ingest(ctx, batches, &ours); err != nil {
			return nil, err
		}
		var done inserted
		if err := bare.ask(ctx, batches, &done); err != nil {
			return nil, err
		}
		plain.add(done.Rows, done.Took, done.CPU)
	}
	return []row{
		compare("audit: events stored and synced", "1/s", ours.rate, plain.rate).aims(goal{limit: 0.4, atLeast: true, ratio: true}),
		compare("audit: CPU of an event", "µs", ours.cpu, plain.cpu).aims(goal{limit: 25}),
	}, nil
}

// logOf is a source's log that is made up as it is shipped.
type logOf struct {
	source string
	head   record.Head
}

// next is a shipment as auth's would be, in its form on the wire.
func (l *logOf) next(sign func([]byte) []byte) ([]byte, error) {
	shipment := record.Shipment{Source: l.source, From: l.head.N + 1}
	var err error
	if shipment.Entries, err = l.seal(); err != nil {
		return nil, err
	}
	shipment.Head, shipment.Signature = l.head, sign(l.head.Message(l.source))
	return auditlink.Encode(shipment)
}

// seal makes the next events up.
func (l *logOf) seal() ([]record.Sealed, error) {
	var events []record.Sealed
	for range eventsABatch {
		e := record.New(time.Now(), module.Gateway, record.SessionCreated, record.Success,
			record.Origin{Address: "203.0.113.9", UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", RequestID: "req_0123456789abcdefghjkmnpq"})
		e.Account, e.Session, e.Target = "acc_0123456789abcdefghjkmnpq", "ses_0123456789abcdefghjkmnpq", "ses_0123456789abcdefghjkmnpq"
		e.Data = record.Data{"method": "password"}
		sealed, err := e.Seal(l.source, l.head.N+1)
		if err != nil {
			return nil, err
		}
		events, l.head = append(events, sealed), l.head.Next(sealed.Body)
	}
	return events, nil
}

// ingest sends batches, as so many sources, and notes how long they took, and how much CPU audit needed for them.
func (s *split) ingest(ctx context.Context, batches int, to *series) error {
	bodies := make([][][]byte, postersAudit)
	for i := range bodies {
		log := logOf{source: module.Gateway + "/" + strings.TrimPrefix(id.New("x"), "x_")[:12]}
		for range batches / postersAudit {
			body, err := log.next(s.signer.Sign)
			if err != nil {
				return err
			}
			bodies[i] = append(bodies[i], body)
		}
	}
	token, err := s.signer.Token(module.Audit)
	if err != nil {
		return err
	}
	before, err := settle(ctx, s.Process(module.Audit))
	if err != nil {
		return err
	}
	began := time.Now()
	group, callCtx := errgroup.WithContext(ctx)
	for _, shipments := range bodies {
		group.Go(func() error {
			for i, body := range shipments {
				if err := s.post(callCtx, token, body, int64(i+1)*eventsABatch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(began)
	after, err := settle(ctx, s.Process(module.Audit))
	to.add(batches*eventsABatch, took, after-before)
	return err
}

// post ships to audit, which must hold the log up to n then.
func (s *split) post(ctx context.Context, token string, body []byte, n int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Address(module.Audit)+"/internal/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", auditlink.MediaType)
	req.Header.Set(httpkit.HeaderService, token)
	said, err := call(req)
	if err != nil {
		return err
	}
	var held struct{ N int64 }
	if err := json.Unmarshal(said, &held); err != nil {
		return err
	}
	if held.N != n {
		return fmt.Errorf("audit holds %d of %d events", held.N, n)
	}
	return nil
}
