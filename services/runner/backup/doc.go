// Package backup copies the state of a suite into a folder while it runs, and puts
// it back into an empty one (field reports A25).
//
// Owns: the manifest, the order in which things are copied, and that a backup or a
// restore is whole or isn't there: the manifest is written last, and a restore
// stands aside until all of it was checked. A backup has the layout of a data
// folder with the keys in keys/, so that `centinela audit verify --data BACKUP`
// verifies it as it lies.
//
// Consistent means: each database is one moment of its own, all moments lie within
// milliseconds of each other, and who calls is held before whom it calls, audit
// last. So nothing refers to what isn't there (a recovery to an account, a
// conversation to a person), and the record is never behind what its sources know
// to be recorded. A record may then be ahead of a source: a restored source begins
// a new log, so that it never gives a number again that the record has seen.
//
// Trusts: the caller for what belongs into it (the runner's table of parts), the
// owner of the folder for keeping it secret: it holds keys.
//
// Hands over: one line for an error, after which nothing is left behind.
package backup
