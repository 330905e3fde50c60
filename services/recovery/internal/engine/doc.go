// Package engine decides who gets an account back: a pure function of a policy,
// of facts and of a time.
//
// Owns: what seniority, liveness, the states and the powers of a number are; the
// wait table; the rules V1 to V20 of the design (recovery, "The engine") that a
// decision can apply; the chain of hashes in which decisions are kept (V19). It
// reads no clock and does no I/O, so that a stored decision can be replayed: same
// input, same output.
//
// Trusts: the facts to be honest about what is not known. An unknown fact never
// grants (V20).
//
// Hands over: a Decision with the rules that fired, the evidence that counted,
// the earliest time, what would shorten the wait, and the policy's hash.
package engine
