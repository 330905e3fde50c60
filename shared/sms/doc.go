// Package sms sends texts: through Twilio, or through a simulator that keeps
// them where a developer can read them.
//
// Owns: the Sender interface, the two ways behind it, the verdict on a failed
// send (try again, or never), and the check of Twilio's webhooks.
//
// Trusts: nothing that comes from outside. An answer of the provider is read to
// a limit, a webhook counts only with a signature over the configured URL.
//
// Hands over: receipts, deliveries and replies. It keeps no state, counts no
// quota and makes no second try: its user holds the message in a durable outbox
// and decides with Retryable. Sending is at least once, because Twilio's
// Messages API takes no idempotency key: an answer that got lost is sent again.
//
// Message text is secret (it holds codes) and phone numbers are personal. No
// error, log line or String method of this package contains either.
package sms
