// Package openings keeps what the record only commits to: the personal fields of
// events, encrypted with a key per person (design: audit, "Erasure").
//
// Owns: the persons' keys, wrapped with the service's; the tokens by which a
// person's entries are found; sealing and opening.
// Trusts: its caller to have checked openings against their commitments.
// Hands over: sealed bytes to the ledger's rows. Whoever destroys a person's key
// has erased the person: the entries, their hashes and signatures stay whole.
// Events of nobody known are kept under a key of their day, found by no token.
package openings
