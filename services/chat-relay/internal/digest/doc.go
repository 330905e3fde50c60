// Package digest sums up what a session writes: one event a session and minute in place of an event a message (design:
// audit, "Classes"; R7.3).
//
// Owns: which digest a message belongs to, when a digest is over, and what its event says: how many messages, in which
// conversations, how long, how regular; never a text. A message is stored with the id of its digest, and a digest is
// stored while it is open, in the write of its first message. So whatever stops the relay, the messages of a digest that
// was never told are found again in the log, and counts agree: messages stored = sum of the digests' counts. A relay finds
// its own at its next start; one that never comes back is made good by others ten minutes later.
// Trusts: its caller to say what became of each message.
// Hands over: events, each written in the step that ends its digest.
package digest
