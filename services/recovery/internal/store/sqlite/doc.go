// Package sqlite keeps recovery's state in one SQLite file.
//
// Owns: the schema. Trusts: package recovery to have sealed and hashed what is
// secret. Hands over: recovery.Store, Texts and Inbox; events go to the outbox
// table in the transaction of the change, texts to the table texts.
package sqlite
