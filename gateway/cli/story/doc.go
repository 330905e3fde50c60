// Package story plays the whole life of two accounts against a running suite in
// the development profile, over public REST and WebSocket only: sign-up, phones
// a year apart, sessions, chat over a cut, recoveries with and without a second
// evidence, a veto, a stranger, the record, the firewall.
//
// Owns: the order of the story and what must be true after each step. It is
// played by `centinela demo` and by the end-to-end tests, so that what a newcomer
// sees is what is tested.
//
// Trusts: nothing that it can check from outside.
//
// Hands over: a line for each step, and an error at the first one that differs,
// with what was expected and what came.
package story
