// Package lifecycle starts the parts of a process in order and stops them in
// reverse, however the process comes to its end.
//
// Owns: the order, the stop budgets, that a panic is an error of the unit, and
// that a fault of a background loop in a Group ends nothing (R3).
// Trusts: that a unit's Run, and a loop, returns when its context ends.
// Hands over: one error that names each unit that failed, for main to print.
package lifecycle
