// Package firewall decides whom the suite refuses, and tells the gateways.
//
// Owns: verdicts (who, allowed or refused, until when, why) and their versions;
// the feed that gateways follow; the rules and the engine that makes verdicts
// of events.
// Trusts: the operator's checked identity, and the record's events in order.
// Hands over: each change of a verdict together with the event that reports it,
// written in one step by the store, so that nothing is refused unrecorded. An
// allow verdict wins over a refusal; the gateways apply that, and expiry.
package firewall
