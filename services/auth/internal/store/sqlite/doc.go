// Package sqlite keeps accounts, sessions and counters in one SQLite file. What is looked up has a column; the rest of
// an account or a session is one JSON body in private row types. Trusts shared/sqlitex for commits and its outbox table.
package sqlite
