// Package id makes the names of things: a short prefix that says what it is, and
// 120 bits. [New] fills them all at random, so that nobody can guess or count;
// [NewOrdered] begins with the time, so that an index takes it at its end (random
// ids made the biggest table's indexes cost four times the reads; findings: growth
// G2).
//
// Owns: the form of an identifier, and the newest ordered one of this process.
// Trusts: crypto/rand, and the machine's clock for the order between processes.
// Hands over: strings that are safe in URLs, file names and logs.
package id
