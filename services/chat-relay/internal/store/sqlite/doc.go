// Package sqlite keeps the relay's state in one SQLite file.
//
// Owns: the tables and their migrations. A message, its number and its event are one transaction, which shares its
// sync with the messages of other conversations (sqlitex group commit).
// Trusts: the domain for every rule.
// Hands over: relay.Store.
package sqlite
