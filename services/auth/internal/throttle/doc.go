// Package throttle is how often sign-ins, sign-ups, current passwords and saved codes may be tried: auth's table of limits.
//
// Owns: the table, the lanes of a sign-in, what a source and a network is.
//
// Trusts: its callers to say truly what the account knows of who tries; shared/limits for the counting.
//
// Hands over: ErrTooMany with the time to wait. It grows and never locks: whoever waits gets a try, and strangers only ever
// use counters of strangers, so that they never slow a known device down.
package throttle
