// Package record is what happened: the one event type that every service
// writes beside the change it reports, and that audit stores.
//
// Owns: the form of an event, its bounds, the list of actions and their OCSF
// classes. Trusts: nobody; Validate is called again where events come in.
// Hands over: events without secrets, message texts or device keys, to
// shared/outbox and through it to audit.
package record
