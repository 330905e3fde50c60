// Package ratelimit is the coarse outer limit on requests: a table of limits by route class, counted by address prefix
// or whatever key the caller chooses, in a memory that is bounded however many keys come.
//
// It owns the windows, the keys and the headers (RateLimit, RateLimit-Policy, Retry-After). It trusts the address it is
// given to be the client's. It hands over a Result; who answers 429 is the caller. It is not the place for counters
// that must not be lost (code tries, sign-in failures, SMS quotas): those are in the durable stores. A fixed window
// lets up to twice the limit pass at its edge (19 of 10 measured, dependencies.md), which is fine for a coarse limit.
package ratelimit
