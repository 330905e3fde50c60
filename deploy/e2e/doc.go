// Package e2e plays the suite from outside: the built binary, through the public
// SDK, as one process and as one process a part, on SQLite and on a
// MongoDB-compatible server.
//
// It owns processes and their data folders, one set a test. It trusts nothing of
// the suite's inside: what it checks is what a client, an operator at the
// command line, or somebody with the database file in hand can see.
package e2e
