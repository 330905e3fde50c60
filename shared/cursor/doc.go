// Package cursor makes the opaque page tokens of list operations.
//
// Owns: the encoding. Trusts: nobody; a client may send any text.
// Hands over: a decoded struct, whose values the caller still treats as input
// (a cursor is not signed: it must never grant what the query would not).
package cursor
