// Package sqlitex opens a service's SQLite file: pragmas, migrations, one writer
// with group commit, a read handle, and the outbox table.
//
// Owns: the file's folder (0700) and mode (0600), the tables schema_migrations,
// outbox_events and outbox_rejected, and the order of writes: a synced commit
// costs far more than the statements in it, so one goroutine puts the callers
// that wait at the same time into one transaction, each within its own
// SAVEPOINT, and answers each after the commit is on disk (synchronous=FULL).
//
// Trusts: the migrations embedded in the service, and its callbacks to use only
// their own transaction: they must not call Commit, Rollback or [DB.Write], use
// deferred constraints or RAISE(ROLLBACK), which would end the transaction of
// the others too.
//
// Hands over: a read handle that cannot write, errors of the driver as they are
// ([IsUnique] tells one apart), faults of kind unavailable when the file is
// locked or closed, and one-line errors from [Open] that say what to do.
package sqlitex
