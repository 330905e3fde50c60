// Package mongo keeps audit's state in a MongoDB database, for more than one
// machine.
//
// Owns: the collections of indexes.go, the documents' form.
// Trusts: the server for unique indexes and for the atomicity of one document.
// No transactions: every operation is one document, or a sequence that may be
// stopped anywhere; each says why.
// Hands over: the stores of ledger, places and firewall, and the outbox of the
// firewall's events.
package mongo
