// Package wallet is the phone numbers of accounts: add, prove, send a code again,
// retire, keep, list (design: recovery, "Numbers").
//
// Owns: a wallet an account, with the codes that prove its numbers; what a number
// is and how it is sealed; which changes need a fresh sign-in and a session that
// auth says is alive.
//
// Trusts: package engine for states, seniority and powers; auth (Accounts) for
// facts and sessions, and counts its silence as the worst (V20). A person comes
// with a verified token.
//
// Hands over: events and texts with the change that they report (post.Effects);
// to the rooms above it (claim, objection) wallets to read, notices to the
// numbers with power, and Update. Numbers are sealed at rest and found again by
// a keyed MAC; codes are keyed MACs.
package wallet
