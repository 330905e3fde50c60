// Package relay is what the chat does: conversations, messages in order, and bringing them to whoever is connected (R1).
//
// Owns: the rules (who may read and write where, how long a text may be, how often one may send), the order of a
// conversation, and the hub that knows which sockets an account has. It declares what it needs: Store, People, Codec.
// Trusts: the account that it is given (verified before), the store for "stored and synced", auth for user names.
// Hands over: a message is published after it is stored, in the order of its number, under its conversation's lock;
// what belongs to others is answered like what doesn't exist (R4.1).
package relay
