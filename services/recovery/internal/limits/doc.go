// Package limits is the one table of what may be done how often in recovery
// (V17): starts, texts, tries, notices, and the waits between two codes.
//
// Owns: the names and numbers of the table, who shares a counter with whom, and
// when a use is given back. Trusts: shared/limits to count all uses of a call or
// none; its callers to have decided permission, freshness, state and idempotency
// first (V24).
//
// Hands over: Full, with the time until the window that is full ends; what it
// means is said by the package that asked.
package limits
