// Package bustest is what every bus must do (bus/doc.go): one suite, run on each of them.
//
// Owns: the cases. Trusts: the function that each bus's test gives it to make nodes. Hands over: Run.
package bustest
