// Package outbox ships events to their receiver at least once. A service writes
// an event in the same step as the change that it reports (sqlitex.AppendOutbox,
// or the `outbox` array of a MongoDB document), so neither exists without the
// other; the Shipper reads them from there until the receiver has taken them.
//
// Owns: when to ship, how often to try again, the order (oldest first).
//
// Trusts: the source to keep what it was told is pending, and the receiver to
// be idempotent by event id: after a crash, or with several shippers on one
// MongoDB, an event may arrive twice.
//
// Hands over: an event that the receiver refuses for good (a fault of kind
// invalid or too_large for that event alone) must not hold the others up: it is
// logged by id, counted in rejected_total, and moved aside by the source where
// an operator finds it whole. It is never dropped silently.
package outbox
