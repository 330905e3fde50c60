// Package twiliotest is a stand-in of Twilio's Messages API on loopback, for
// tests: it keeps the messages that it took, answers by a script, sends status
// callbacks and inbound texts signed as Twilio signs them.
//
// Owns: the shape of Twilio's answers, as its published API (2010-04-01) has
// them, and the signature, written anew here so that twilio-go's own validator
// is tested against something else than itself.
//
// Trusts: its test. Hands over: the requests that came in, text included.
package twiliotest
