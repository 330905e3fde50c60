// Package mongo keeps the relay's state in MongoDB.
//
// Owns: the collections conversations, messages and events, and their indexes. Every change is one document: a message
// claims the next number by its _id ("<conversation>/<seq>"), and carries its event along in its outbox; a
// conversation's last_seq and active_at follow after it and are only a hint.
// Trusts: the domain for every rule; unique indexes for "once".
// Hands over: relay.Store, safe with several instances on one database.
package mongo
