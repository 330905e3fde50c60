// Package auditlinktest is an audit for tests of other parts: it takes shipments as audit does, and its verdicts are
// those that a test put there.
//
// Owns: the state of a test. Trusts: everybody; who may call is checked by the server that it is mounted on.
// Hands over: the events that it was sent.
package auditlinktest
