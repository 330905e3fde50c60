// Package auth is who may come in: accounts, passwords, saved codes, sessions and their tokens.
//
// Owns: accounts (user name, locale, argon2id hash, HMAC of saved codes, hashes of device keys, networks of sign-ins),
// sessions, the counters of failed sign-ins, the key that signs access tokens (auth-signing.key; keys.go says how it is
// exchanged) and the pepper (auth-pepper.key; without it no password, saved code or refresh token is valid any more:
// back it up).
//
// Trusts: the gateway for what a person asks, with that person's own token, whose session is looked up here at each
// call; recovery for account facts, saved codes as evidence and the reset that it decided; chat-relay for finding an
// account by name, of which it gets id and name only; the gateway and every service for following the feed of ended sessions
// (internal/revoked), which needs neither audit nor the outbox. The services are known by their tokens (shared/svcauth).
//
// State: one SQLite file (auth.db), or three MongoDB collections. Nothing in memory but the pace of sign-ins, the queue for
// hashing and what has ended lately (read from the sessions), so any number of processes may run on one MongoDB.
//
// Fails: without its store it isn't ready and answers 503. Without audit it goes on, and the events wait in the outbox.
// When too many passwords are being hashed it answers 503 busy. A stopped process leaves nothing half done that Run of
// the next one doesn't finish (internal/account/sessions.go, "finishEnding").
//
// Secret: passwords, saved codes, refresh tokens, device keys, both key files. Personal: user name, addresses, user
// agents, device names; kept with the account and with sessions, which are deleted a day after their end.
package auth
