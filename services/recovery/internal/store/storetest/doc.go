// Package storetest is what every store of recovery must do, case by case.
//
// Owns: the cases. Trusts: open to give an empty store that is closed with the
// test. Hands over: nothing; only tests import it.
package storetest
