// Package folderlock lets one process at a time use a data folder: two suites on
// one folder would take each other's verdicts, counters and keys for their own.
//
// Owns: the file "centinela.lock" in the folder, locked with flock(2), which the
// kernel takes off when the process ends, however it ends. The file stays, and
// holds the process id of who has it or had it last.
//
// Trusts: the file system to implement flock (a local one; NFS since Linux 2.6.12).
//
// Hands over: a [Lock] to give back, or one line that says who holds the folder and
// what to do. Whoever only reads (audit verify, a backup) needs no lock.
package folderlock
