// Package probe asks, for readiness, whether something works: at most once a
// second, for all who want to know, and without a caller waiting longer than it
// can when the thing hangs.
//
// Owns: the last answer, and the attempt that is being made. Trusts: the attempt to
// end at some time. Hands over: its error as it is, or the context's.
package probe
