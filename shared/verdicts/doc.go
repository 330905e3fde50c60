// Package verdicts is the firewall's memory in a service: every verdict in force, held so that a request is refused
// without asking anybody (design: audit, "The firewall").
//
// Owns: the Set (lookups without lock or allocation, changed by one writer) and the Feed that keeps it equal to
// audit's list over a long poll and keeps a copy on disk, so that a restart while audit is down still refuses.
// Trusts: the fetch function that it is given for what audit says. Subjects are checked; one that can't be read is
// reported and left out, the others count.
// Hands over: one answer, Check: refused or not, and by which verdict.
package verdicts
