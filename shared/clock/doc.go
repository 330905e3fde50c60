// Package clock is where time comes from: UTC, whole milliseconds.
//
// Owns: the only time.Now() that rules may depend on, the hand-set clock of
// tests, and the travelled clock of the development profile, by which a
// newcomer lives through a 72 hour wait in a minute.
// Trusts: the machine's clock, and whoever may write the offset file.
// Hands over: times that survive a store unchanged.
package clock
