// Package auditlink is audit as everybody sees it who reports to it or obeys it:
// shipping a log, and following the verdicts, over the service's authenticated
// client.
//
// Owns: the two calls, and the form of a shipment on the wire.
// Trusts: httpkit's client for identity, deadline and breaker; audit for what it
// says that it holds.
// Hands over: an outbox.Sink and a verdicts.Fetch.
package auditlink
