// Package review reads decisions that were made: why each was as it was, and what
// another policy would have said of the same facts (V19).
//
// Owns: what is printed of them for an operator.
//
// Trusts: the store to hold flows and policies as they were written; whether a
// chain of decisions was changed it finds out itself.
//
// Hands over: text. It changes nothing.
package review
