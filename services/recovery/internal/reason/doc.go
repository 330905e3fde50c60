// Package reason says to a claimant why a recovery stands as it does: a stable code,
// and a sentence in each language that we speak (V19).
//
// Owns: the sentences of states. Trusts: the engine's sentences of rules, and that
// claim asks for no more than it may tell (V15). Hands over: claim's view.
package reason
