// Package recovery is phone numbers, the codes sent to them, and the flows that
// give an account back to its owner (design: recovery).
//
// Owns: a wallet an account (its numbers), recovery flows with their decisions,
// the texts that are to be sent, the counters of tries and sends. A file a flow:
// phone_*.go (one's own numbers), flow_*.go (the way back in), veto.go, text*.go
// and courier.go (SMS), sweep.go (what happens by time alone).
//
// Trusts: package engine to decide; its peers (Accounts, Places) for facts, and
// when they are silent it counts the fact as unknown. It trusts nobody who
// starts a recovery: until possession of a number is proved, flows of accounts
// that exist and of those that don't answer with the same bodies (V15).
//
// Hands over: events and texts with the change that they report (Effects), to be
// shipped by the outbox and by the Courier. Numbers and text bodies are sealed
// at rest, codes are keyed MACs, secrets and tokens are hashes. Answers about a
// recovery take whole multiples of one time (pace.go).
package recovery
