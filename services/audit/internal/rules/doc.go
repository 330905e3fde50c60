// Package rules is the analysis of the record: what operators can read and
// change, and what follows from it.
//
// Owns: the language of the rules file, and the engine that counts events and
// decides. It is pure: in event time, without a clock, a store or anything of the
// rest of the service, so that the same events always give the same decisions.
// Trusts: its caller to hand the record's events over in order.
// Hands over: decisions, each event seen once by each rule even when it is handed
// over again.
package rules
