// Package signing holds the keys that sign access tokens.
//
// Owns: the list of keys (the current one signs; a next and a retired one stand beside it while keys are rotated) and
// their ids. Trusts: the key folder. Hands over: signed tokens, and public keys only.
package signing
