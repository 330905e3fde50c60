// Package bus wakes the other relays: it says that a conversation has reached a number, and nothing else. The store is
// the truth; who is woken reads from there. This text is the contract that every bus keeps (TestMemory).
//
// What is delivered. A wake-up that one node publishes comes to every other node that listens, never to the node itself.
// It carries the conversation's id and a number, which says: the store has this conversation's messages up to here.
// It may come twice, and it may be lost. A lost one costs latency, never a message.
//
// In what order. None is promised, not even within a conversation: a later number may come before an earlier one, and the
// later one says all that the earlier one would have said. heard is called by one goroutine, one wake-up after the other.
//
// What is atomic. Nothing. The message is stored and synced first, its wake-up is published after, and Publish neither
// waits for the network nor fails: a crash in between loses the wake-up, and what can't be handed on is lost too.
//
// How it resumes. A bus that knows it may have lost wake-ups (its connection broke and came back, or it had more to keep
// than it can) calls missed once, before the next wake-up; the node then compares each conversation that it has open with
// the store. Between two wake-ups of one conversation a node needs no call of missed: the next number shows the hole.
//
// Owns: the wake-ups on their way, bounded. Trusts: its nodes to publish only what is stored.
// Hands over: hints. Typing isn't carried: it is worth nothing a second later.
package bus
