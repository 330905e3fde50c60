// Package mongo keeps the relay's state in MongoDB.
//
// Owns: the collections conversations, messages, digests and events, and their indexes. Every change is one document: a
// message claims the next number by its _id ("<conversation>/<seq>"); a conversation's last_seq and active_at follow after
// it and are only a hint. A digest is stored before the first message that names it, and ends in one step with its event.
// Trusts: the domain for every rule; unique indexes for "once".
// Hands over: room.Log, room.Rooms and digest.Store, safe with several relays on one database.
package mongo
