// Package post is texts by SMS, from what they say to what became of them.
//
// Owns: the phrases in each language, the sealed queue of texts, who sends them
// and when again, news of their delivery, and in development the phone that
// shows them. Effects are what every other room writes with a change: events
// and texts, both or neither.
//
// Trusts: its callers to say to whom a text may go (V16); it is given an id and
// a number in E.164, and knows no wallet and no recovery. Of its siblings it imports
// due alone.
//
// Hands over: texts to a sms.Sender, each claimed by one courier at a time;
// their events to the outbox. Number and body are sealed until the text is
// finished, and forgotten then.
package post
