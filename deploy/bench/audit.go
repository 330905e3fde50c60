package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	goalIngest   = 0.4 // of bare inserts
	goalEventCPU = 25  // ms a thousand
)

// measureAudit compares events stored by `POST /internal/events`, checked, hashed and chained, with bare inserts of the
// same bytes. Both are synced before they are answered.
func measureAudit(ctx context.Context, b *bench) (rows []row, err error) {
	s, err := b.newSplit(ctx, "ledger", module.Audit, module.Auth) // audit is ready once it knows auth
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	bare, address, err := b.startBaseline("rows", "rows", filepath.Join(b.dir, "plain.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.Terminate()) }()

	batches := b.pick(60, 12)
	var ours, plain series
	for range b.pick(7, 3) {
		var took, cpu time.Duration
		err := b.captured(ctx, "audit", []string{s.Ops(module.Audit)}, time.Second, func() (err error) {
			took, cpu, err = s.ingest(ctx, batches)
			return err
		})
		if err != nil {
			return nil, err
		}
		ours.add(batches*eventsABatch, took, cpu)
		var done inserted
		if err := postJSON(ctx, fmt.Sprintf("http://%s/?batches=%d", address, batches), &done); err != nil {
			return nil, err
		}
		plain.add(done.Rows, done.Took, done.CPU)
	}
	perThousand := func(perEvent float64) float64 { return perEvent * 1000 * 1000 } // ms a thousand events
	return []row{
		{name: "audit: events stored and synced", unit: "1/s", ours: median(ours.rate), baseline: median(plain.rate), ratio: median(ratios(ours.rate, plain.rate)), goal: "ratio >= 0.4", met: met(median(ratios(ours.rate, plain.rate)) >= goalIngest)},
		{name: "audit: CPU a 1,000 events", unit: "ms", ours: perThousand(median(ours.cpu)), baseline: perThousand(median(plain.cpu)), ratio: median(ratios(ours.cpu, plain.cpu)), goal: "<= 25 ms", met: met(perThousand(median(ours.cpu)) <= goalEventCPU)},
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

// ingest sends batches, as so many sources, and returns how long they took, and how much CPU audit needed for them.
func (s *split) ingest(ctx context.Context, batches int) (took, cpu time.Duration, err error) {
	bodies := make([][][]byte, postersAudit)
	for i := range bodies {
		log := logOf{source: module.Gateway + "/" + strings.TrimPrefix(id.New("x"), "x_")[:12]}
		for range batches / postersAudit {
			body, err := log.next(s.signer.Sign)
			if err != nil {
				return 0, 0, err
			}
			bodies[i] = append(bodies[i], body)
		}
	}
	before, err := settle(ctx, s.Process(module.Audit))
	if err != nil {
		return 0, 0, err
	}
	token, err := s.signer.Token(module.Audit)
	if err != nil {
		return 0, 0, err
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
	err = group.Wait()
	took = time.Since(began)
	if err != nil {
		return 0, 0, err
	}
	after, err := settle(ctx, s.Process(module.Audit))
	return took, after - before, err
}

// post ships to audit, which must hold the log up to n then.
func (s *split) post(ctx context.Context, token string, body []byte, n int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Address(module.Audit)+"/internal/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", auditlink.MediaType)
	req.Header.Set(httpkit.HeaderService, token)
	var held struct{ N int64 }
	if err := callJSON(req, &held); err != nil {
		return err
	}
	if held.N != n {
		return fmt.Errorf("audit holds %d of %d events", held.N, n)
	}
	return nil
}

func postJSON(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	return callJSON(req, into)
}

// callJSON makes a call that must succeed.
func callJSON(req *http.Request, into any) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s: %.300s", req.Method, req.URL.Path, resp.Status, body)
	}
	return json.Unmarshal(body, into)
}
