// Package due does what time alone brings about: a queue of things with a next time,
// and answers that take a whole pace.
//
// Owns: the order in which due things are done, and what happens to one that fails
// (it is put off, longer each time). Trusts: its callers' steps to bear being
// repeated: several processes work on one store.
// Hands over: one error for one line of log.
package due
