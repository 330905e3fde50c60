// Package storetest is what every store of the relay must do: one suite, run on SQLite and on MongoDB.
//
// Owns: the cases. Trusts: the open function that each store's test gives it. Hands over: Run.
package storetest
