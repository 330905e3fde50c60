// Package claim is the way back into an account: a recovery from its start to
// the new password (design: recovery, "The engine").
//
// Owns: recovery flows with their evidence, decisions (chained by hash) and
// waits; what a claimant sees of one, and what its owner sees. A file a step:
// start, code, evidence, decide, announce, complete, end; sweep is what happens by
// time alone.
//
// Trusts: package engine to decide; its peers (Accounts, Places) for facts, and
// when they are silent it counts the fact as unknown (V20). It trusts nobody who
// starts a recovery: until an evidence was accepted, flows of accounts that exist
// and of those that don't answer with the same bodies (V15).
//
// Hands over: events and texts with the change that they report (post.Effects).
// Secrets and tokens are hashes. Answers about a recovery take whole multiples
// of one time. What became of a reset is told by its id, which is the flow's (V22).
package claim
