// Package id makes the names of things: a short prefix that says what it is,
// and 120 random bits, which nobody can guess or count.
//
// Owns: the form of an identifier. Trusts: crypto/rand.
// Hands over: strings that are safe in URLs, file names and logs.
package id
