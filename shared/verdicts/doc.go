// Package verdicts is the firewall's memory in a service: every verdict in force, held so that a request is answered
// without asking anybody (design: audit, "The firewall").
//
// Owns: what a verdict is (whom it is about, what it does, until when); the Set (lookups without lock or allocation,
// changed by one writer) and the order in which verdicts count; the Feed that keeps it equal to audit's list, in pages,
// and keeps a checked copy on disk, so that a restart while audit is down still refuses.
// Trusts: the fetch function that it is given for what audit says. Subjects are checked; one that can't be read is
// reported and left out, the others count. It doesn't trust the copy on disk: one that isn't whole counts as nothing.
// Hands over: one answer, Check: what is to be done, and by which verdict.
package verdicts
