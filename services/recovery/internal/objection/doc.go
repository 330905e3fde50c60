// Package objection is what whoever holds a text may do against a recovery: stop
// it by the link of the text, or by answering NO.
//
// Owns: who may object and how often (V8), what counts as a NO, and single use of
// a link. Trusts: the token of a link, which went to one number; the number that
// a carrier says a text came from; package engine for a number's powers.
//
// Hands over: the end of a recovery to package claim, in one step with the
// token's use; the objection itself to the wallet, where the next one finds it.
package objection
