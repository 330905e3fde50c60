// Package sms is what sending texts means to those who send: messages, what
// became of them, what came back, and the Sender. It has no provider of its own
// but a simulator, which keeps texts where a developer can read them; package
// twilio below it sends for real.
//
// Owns: the Sender interface, its errors, and the verdict on a failed send (try
// again, never, or "it may have been sent").
//
// Trusts: its user to hold a message in a durable outbox, and to decide about a
// second try with Retryable and Uncertain.
//
// Hands over: deliveries and replies. It keeps no state and counts no
// quota.
//
// Message text is secret (it holds codes) and phone numbers are personal. No
// error, log line or String method of this package contains either.
package sms
