// Package peers is what recovery needs of other services: auth (facts, live
// sessions, saved codes, the reset) and audit (places).
//
// Trusts: the generated clients and the authenticated HTTP client under them.
// Hands over: the domain's own errors. What a peer says of our call, and its
// silence, become "unavailable"; what it says of the claimant's input is decided
// here, anew.
package peers
