// Package signing holds the keys that sign access tokens.
//
// Owns: the list of keys (today one, the current; a next and a retired one stand beside it in the same list when keys
// are rotated) and their ids. Trusts: the key folder. Hands over: signed tokens, and public keys only.
package signing
