// Package lifecycle starts the parts of a process in order and stops them in
// reverse, however the process comes to its end.
//
// Owns: the order, the stop budgets, and that a panic is an error of the unit.
// Trusts: that a unit's Run returns when its context ends.
// Hands over: one error that names each unit that failed, for main to print.
package lifecycle
