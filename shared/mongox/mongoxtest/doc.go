// Package mongoxtest holds a service's queries on MongoDB against its indexes: the
// tests' servers answer every query from wherever they like, so a missing index, a
// sort in memory or a limit without an order shows only in production (findings:
// mongodb D1).
//
// Owns: the rules, which are MongoDB's own for compound indexes (equality, sort,
// range), asked of the index definitions. Trusts: the store's tests to run every
// query that it has. Hands over: failures that say which query, why, and how it is
// allowed with a reason.
package mongoxtest
