package audit_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"centinela/openapi/gen/auditapi"
	"centinela/shared/id"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
)

func (w *world) matrix() moduletest.Matrix {
	fixed := func(path, body string) func(string) moduletest.Request {
		return func(string) moduletest.Request { return moduletest.Request{Path: path, Body: body} }
	}
	return w.Matrix(map[string]moduletest.Row{
		"listMyActivity": {Request: fixed("/v1/me/activity", ""), Status: 200},
		"listVerdicts":   {Request: fixed("/v1/operator/verdicts", ""), Status: 200, Recorded: "who looks is in the record"},
		"addVerdict":     {Request: fixed("/v1/operator/verdicts", onAddress("203.0.113.77")), Status: 201},
		"removeVerdict": {Request: func(string) moduletest.Request {
			return moduletest.Request{Path: "/v1/operator/verdicts/" + w.orders(onAddress("203.0.113.78")).Id}
		}, Status: 204},
		"ingestEvents": {Request: func(service string) moduletest.Request {
			if service == "" {
				service = module.Gateway
			}
			e := record.New(ten, service, record.SessionRefused, record.Refused, record.Origin{})
			return moduletest.Request{Path: ingest, Body: encoded(w.T, w.newLog(service).Shipment(w.T, e))}
		}, Status: 200},
		"watchVerdicts": {Request: fixed("/internal/verdicts", ""), Status: 200},
		"getPlace":      {Request: fixed("/internal/places/"+id.New("acc")+"?address="+moduletest.Address, ""), Status: 200},
	}, w.settle, "followers") // a cursor that is kept once a second
}

// onAddress is an order to refuse an address.
func onAddress(address string) string {
	return fmt.Sprintf(`{"subjects":[{"kind":"ip","value":%q}],"action":"refuse","reason":"why"}`, address)
}

// orders puts a verdict in force as the operator.
func (w *world) orders(body string) auditapi.Verdict {
	w.T.Helper()
	var v auditapi.Verdict
	w.Into(&v, w.Do(module.Gateway, w.AsOperator(), http.MethodPost, "/v1/operator/verdicts", body), http.StatusCreated)
	return v
}

// TestR41_AuthorisationMatrix runs every operation of the specification as nobody, as each service, and with each
// Authorization that isn't the right one, on both stores. What is refused changes nothing in the whole store and tells
// nothing: the body of a refused request isn't even looked at.
func TestR41_AuthorisationMatrix(t *testing.T) {
	onBoth(t, func(t *testing.T, p place) { newWorld(t, p, asItIs).matrix().Run(t) })
}

// TestR41_OneOwnName: a service ships its own log only, and an event in another's name makes the whole shipment refused.
func TestR41_OneOwnName(t *testing.T) {
	w := newWorld(t, onSQLite(t), asItIs)
	before := w.Contents()
	services := []string{module.Gateway, module.Auth, module.Recovery, module.ChatRelay}
	for _, service := range services {
		for _, name := range append(services, module.Audit, module.Operator) {
			if name == service {
				continue
			}
			// Another's log, with another's key and with one's own.
			for signer, s := range map[string]record.Shipment{
				name:    w.newLog(name).Shipment(t, signIn(id.New("acc"))),
				service: forged(w, name, service, signIn(id.New("acc"))),
			} {
				got := w.send(service, s)
				if got.Status != 403 || got.Code() != "forbidden" || !strings.Contains(got.Body, "own name") {
					t.Errorf("%s ships a log of %q signed by %s: %d %s", service, name, signer, got.Status, got.Body)
				}
			}
			// One's own log, in which an event is another's.
			own, foreign := w.newLog(service).Shipment(t, signIn("")), w.newLog(name).Shipment(t, signIn(""))
			own.Entries[0] = foreign.Entries[0]
			own.Head = record.Head{}.Next(foreign.Entries[0].Body)
			own.Signature = w.Services.Signer(service).Sign(own.Head.Message(own.Source))
			if got := w.send(service, own); got.Status != 400 || !strings.Contains(got.Body, "another source") {
				t.Errorf("%s with an event of %q: %d %s", service, name, got.Status, got.Body)
			}
		}
		for _, name := range []string{"AUTH", "auth ", "", "stranger"} {
			s := w.newLog(service).Shipment(t, signIn(""))
			s.Source = name + "/0123456789ab"
			s.Signature = w.Services.Signer(service).Sign(s.Head.Message(s.Source))
			if got := w.send(service, s); got.Status != 403 {
				t.Errorf("%s as %q: %d %s", service, name, got.Status, got.Body)
			}
		}
	}
	if w.Contents() != before {
		t.Error("what was refused changed something")
	}
}

// forged is a shipment of a log of service, signed by another.
func forged(w *world, service, signer string, events ...record.Event) record.Shipment {
	log := w.newLog(service)
	log.Sign = w.Services.Signer(signer).Sign
	return log.Shipment(w.T, events...)
}
