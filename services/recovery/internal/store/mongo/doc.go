// Package mongo keeps recovery's state in MongoDB, for more than one machine.
//
// Owns: the collections wallets, flows and inbox, and their indexes (indexes.go).
// A wallet or flow is one document; the events and texts of a change are in its
// arrays outbox and texts, so that one replace writes all of it.
//
// Trusts: the domain to have sealed and hashed what is secret. Hands over: the
// Stores of wallet, claim, objection and post, and the counters of its limits.
package mongo
