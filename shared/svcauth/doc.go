// Package svcauth proves which service calls: a short-lived EdDSA JWT, signed with the calling service's own key and
// made for one callee (audience).
//
// It owns the form of the token and its two ends, Signer and Verifier. It trusts the keyring: whoever may write the
// public keys of the deployment decides who is a service. It hands over the caller's name and decides nothing about
// what that caller may do: each operation lists its callers (x-callers), and shared/httpkit holds them to it.
//
// It uses real time, not the product's clock: the token is a matter of transport between machines, and a travelled
// clock in a test must not cut services off from each other.
package svcauth
