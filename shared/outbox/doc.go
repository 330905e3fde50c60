// Package outbox brings a service's events to audit: a log and a cursor. A
// service writes an event in the same step as the change that it reports
// (sqlitex.AppendOutbox, or with the MongoDB document), so neither exists
// without the other. The log gives it the next number of its source; the Shipper
// hands the log over in order, signs the head of each shipment with the
// service's key, and moves the cursor, within 10 s, to what the receiver says
// that it has.
//
// Owns: when to ship, how often to try again; what is done when a log and its
// receiver don't agree.
//
// Trusts: the log to be gapless, and the receiver's answer, which names the
// number and the hash of all that it holds of the source. Nothing is taken for
// delivered because a call didn't fail.
//
// Hands over: shipments that may come again after a crash; the receiver knows by
// its own high-water mark what it has. An event that it refuses for good doesn't
// hold the others up: a gap marker takes its number, and the event is kept aside
// where an operator finds it whole. A log that its receiver knows otherwise
// (a file was restored on either side) goes on under a new name, and says so in
// its first event. Nothing is dropped silently.
package outbox
