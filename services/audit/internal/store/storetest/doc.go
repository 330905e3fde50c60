// Package storetest is what every store of audit must do, run by each of them
// (architecture, Stores).
//
// Owns: the cases. Trusts: nothing. Hands over: failures.
package storetest
