// Package account is who may come in, and with what: accounts, passwords, saved codes, devices, sessions.
//
// Owns: sign-up, sign-in, refresh rotation, the change and the reset of a password, saved codes, the end of sessions, and
// the events that report all of this. Accounts and sessions share one Store, because the end of all sessions of an account
// is a rule over both (see sessions.go, "epoch"). What a name, a password and a try are is name's, password's and throttle's.
//
// Trusts: the Store to be atomic as its comments say; its callers (httpapi) to have checked who calls, and to pass the
// address and device of the real client. It doesn't trust the times in the store: see fresh, rotate and Repair.
//
// Hands over: tokens and saved codes in clear to the one answer that shows them, and nothing secret anywhere else: at
// rest there are an argon2id tag under a pepper, SHA-256 of refresh tokens, HMAC-SHA-256 of saved codes, SHA-256 of
// device keys.
//
// Deviation from design auth.md: saved codes are kept under HMAC-SHA-256 with the pepper key, not argon2id. Eighty
// random bits can't be guessed whatever the hash costs, and four slow hashes a try would let strangers burn the memory
// that sign-in needs.
package account
