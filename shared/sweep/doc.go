// Package sweep takes away what is old in small pieces, so that whoever writes
// meanwhile waits for one piece and never for all: one DELETE of 100,000 rows kept
// everybody else from signing in for 5.4 s (findings: growth G1).
//
// Owns: the size of a piece. Trusts: its caller's function to do at most as much as
// it is told, and to say truly how much it did.
// Hands over: how many were taken away, and an error with the rest left for the
// next time.
package sweep
