// Package firewall decides whom the suite refuses, slows down or asks for a human
// pass, and tells the gateways.
//
// Owns: verdicts (whom they are about, what they do, until when, why) and their
// versions; that one offender has one verdict, which is made longer; the feed
// that gateways follow, in pages.
// Trusts: the operator's checked identity, and what the rules decide.
// Hands over: each change of a verdict together with the event that reports it,
// written in one step by the store, so that nothing is refused unrecorded. What
// overrules what, and expiry, is applied by those who obey (shared/verdicts).
package firewall
