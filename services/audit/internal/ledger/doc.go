// Package ledger is the record: every event of the suite, once, in one order,
// each bound to the one before it by its hash.
//
// Owns: the sequence (gapless from 1), the canonical form and the hash of an
// entry, the signed checkpoint that pins the newest entry, verification, a
// person's activity, and the follower that hands entries to what watches them.
// Trusts: its caller to have checked which service an event speaks for; the
// store to keep an entry once Append has returned. It doesn't trust the stored
// rows: Verify recomputes all of them.
// Hands over: entries in the order of their seq, to sinks that must bear seeing
// one again after a crash.
package ledger
