// Package revoked is auth's feed of ended sessions, which every other service follows (design: auth, "Revocation"): it
// needs neither audit nor the outbox, and nothing but the sessions themselves is kept for it.
//
// Owns: [Log], what has ended and may still have a good access token somewhere, in the order in which this process
// learned of it, and the cursor that a follower comes back with.
//
// Trusts: the Store to find by time of end. It doesn't trust the times: another process on the same MongoDB has a clock
// of its own, and a clock may be set back. So the store is read again from a little before the last reading, and who
// comes with another process's cursor gets that little again: an entry may come twice, none is left out.
//
// Hands over: pages to httpapi, bounded and waited for.
package revoked
