// Package mongo keeps recovery's state in MongoDB, for more than one machine.
//
// Owns: the collections wallets, flows, counters and inbox, and their indexes
// (indexes.go). A wallet or flow is one document with a version; the events and
// texts of a change are in its arrays outbox and texts, so that one replace
// writes all of it.
//
// Trusts: package recovery to have sealed and hashed what is secret. Hands over:
// recovery.Store, Texts and Inbox.
package mongo
