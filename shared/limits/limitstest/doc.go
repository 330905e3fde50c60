// Package limitstest is the conformance suite of limits.Store, run by both
// engines and by each service's own store.
//
// Owns: the cases; no case knows an engine. Trusts: the opener to give an empty
// store. Hands over: nothing to the product; only tests import it.
package limitstest
