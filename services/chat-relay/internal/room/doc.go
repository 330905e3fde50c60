// Package room is what the chat does: conversations, messages in order, and bringing them to whoever is connected (R1).
//
// Owns: the rules (who may read and write where, how long a text may be, how often one may send) and the rooms. A room is
// an open conversation: its roster, the newest number that was given out, the connections that get it, who is typing;
// one lock, which is never held over a write. Rooms are bounded and evicted whole. Messages of all rooms are stored by one
// batcher, many in one sync, and published in their order after it: a sender has several in flight.
// It declares what it needs: Log, Rooms, People, and uses a bus that wakes other relays.
// Trusts: the account that it is given (verified before), the store for "stored and synced", auth for user names.
// Hands over: typed updates to subscribers, which encode them; what was written to the digests. What belongs to
// others is answered like what doesn't exist (R4.1).
package room
