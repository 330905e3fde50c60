// Package objection is what whoever holds a text may do against a recovery: object
// by the link of the text, or by answering NO.
//
// Owns: what counts as a NO, and which recovery it is against. Trusts: the token of
// a link, which went to one number; the number that a carrier says a text came
// from, which can be forged: so a text's word says which recovery is meant, and
// what an answer can do is rationed by evidence (V8).
//
// Hands over: the objection to package claim, which decides by package engine what
// it does, and tells whoever made it.
package objection
