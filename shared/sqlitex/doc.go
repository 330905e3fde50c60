// Package sqlitex opens a service's SQLite file: pragmas, migrations, one writer
// with group commit, a read handle, what the services' stores do alike ([Table],
// [Collect], [DB.Prune]), and the outbox table.
//
// Owns: the file's folder (0700) and mode (0600), the tables schema_migrations,
// write_probe and outbox_*, and the order of writes: a synced
// commit costs far more than the statements in it, so one goroutine puts the
// callers that wait at the same time into one transaction, each within its own
// SAVEPOINT, and answers each after the commit is on disk (synchronous=FULL). No
// statement in [DB.Write] is without a bound: all others wait for it.
//
// Trusts: the migrations embedded in the service, and its callbacks to use only
// their own transaction: they must not call Commit, Rollback or [DB.Write], use
// deferred constraints or RAISE(ROLLBACK), which would end the transaction of
// the others too.
//
// Hands over: a read handle that cannot write; [ErrUnable] for what the machine
// fails at (full, locked, read-only, gone, not readable), with the store's name;
// other errors of the driver as they are ([IsUnique] tells one apart); and one-line
// errors from [Open] that say what to do.
package sqlitex
