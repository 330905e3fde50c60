// Package sqlite keeps audit's state in one SQLite file.
//
// Owns: the tables of migrations/, the rows' form.
// Trusts: sqlitex for durability (a Write that returned is on disk) and for one
// writer at a time, which is what makes seq and version gapless here.
// Hands over: the stores of ledger, places and firewall, and the outbox of the
// firewall's events.
package sqlite
