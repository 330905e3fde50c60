// Package sqlitextest holds a service's SQLite store to what lets it grow: no
// statement reads or sorts a whole table, none that writes is without a bound
// ([Plans]), and an operation reads as many pages at twenty times the rows
// ([Growth]).
//
// Owns: the rules, and how they are measured: EXPLAIN QUERY PLAN of every distinct
// statement at its first execution (without ANALYZE data, as in the product), and
// SQLite's own count of pages that a connection asked its cache for.
//
// Trusts: the store's tests to execute every statement that it has.
//
// Hands over: failures that say which statement, why, and how it is allowed with a
// reason.
package sqlitextest
