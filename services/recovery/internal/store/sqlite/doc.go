// Package sqlite keeps recovery's state in one SQLite file.
//
// Owns: the schema. Trusts: the domain to have sealed and hashed what is secret.
// Hands over: the Stores of wallet, claim, objection and post, and the counters
// of its limits; events go to the outbox table in the transaction of the change,
// texts to the table texts.
package sqlite
