// Package storetest is what every account.Store must do; the packages of both stores run all of it. Owns: the cases.
// Trusts: open, which gives an empty store at the first call of a test and the same data at the next. Hands over:
// nothing to the product.
package storetest
