// Package limits is the one way in which a service says how often something
// may be tried: a table of limits with names, and counters in the service's own
// store (design: architecture, "Limits"; the idea is boulder's ratelimits).
//
// Owns: the rules of windows and pauses, what a counter is called, and what is
// done with a time that a store gives back.
//
// Trusts: the store to change all counters of one call or none. It does not
// trust the times in the store: another machine's clock may have been ahead, or
// this one's may have been set back. A time in the future counts as now, so
// that no wait is longer than the window or the pause itself.
//
// Hands over: [Full] to who asked for too much, which names the limit and the
// time to wait; an HTTP layer that meets it unmapped answers 429 with
// Retry-After. No account, address or number reaches a store in clear: a key is
// the limit's name and a keyed hash of its fields.
//
// Order, at every use: permission, freshness and idempotency are decided first
// (a refused call must use nothing up), then Take, then what it counts.
package limits
