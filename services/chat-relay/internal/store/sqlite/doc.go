// Package sqlite keeps the relay's state in one SQLite file.
//
// Owns: the tables and their migrations. A batch of messages, their numbers and their digests are one transaction, which
// shares its sync with whatever else is written (sqlitex group commit).
// Trusts: the domain for every rule.
// Hands over: room.Log, room.Rooms and digest.Store.
package sqlite
