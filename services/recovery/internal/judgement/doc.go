// Package judgement keeps decisions so that they can be replayed and none can be
// changed or left out (V19).
//
// Owns: the form in which a decision is kept, once, with the facts that it was
// made from, and the chain of hashes over them. Trusts: package engine for what
// facts and decisions are. Hands over: a chain to store with the recovery that
// it is about.
package judgement
