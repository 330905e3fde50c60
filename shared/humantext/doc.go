// Package humantext is the one cleaner of what people type and paste: names to
// sign in with, phone numbers, codes, saved codes and answers to texts (design:
// auth, "Human input").
//
// Owns: what is nothing to a reader (space characters, the default-ignorable
// and other invisible characters of Unicode, dashes and punctuation round a
// code), which digit a digit of another script is, and the forms that follow.
// Trusts: nothing; any string gives an answer, invalid UTF-8 too. Whoever calls
// bounds the length first, in characters ([Len]), never in bytes.
// Hands over: strings to compare or to parse. It checks no code and no number,
// so what it refuses ([Code], [SavedCode]) can't be right and must cost no try.
package humantext
