// Package twilio sends texts through Twilio's Messages API, and checks the
// webhooks by which Twilio tells of deliveries and replies.
//
// Owns: what goes over the wire, what Twilio's answers mean in the errors of
// package sms, and the signature.
//
// Trusts: nothing that comes from outside. An answer is read to a limit, a
// webhook counts only with a signature over the configured URL.
//
// Hands over: deliveries and replies. It makes no second try. Twilio's
// Messages API takes no idempotency key, so an error after Twilio had the
// request is marked sms.Unsure: whoever tries again may send the text twice.
package twilio
