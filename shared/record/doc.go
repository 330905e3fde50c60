// Package record is what happened: the one form of an event, from the service
// that reports it to the record that keeps it.
//
// Owns: the draft that a service fills in (Event); its envelope, version 2:
// RFC 8785 canonical bytes that are built once, travel, are stored and are what
// is hashed; the salted commitments to personal fields and their openings; the
// bounds; the list of actions and their classes.
// Trusts: nobody. Parse and Disclose are the one validation, wherever an event
// comes in.
// Hands over: events without secrets, message texts or device keys. Personal
// values stand in the openings only, never in the bytes: whoever destroys the
// openings has erased the person, and every hash still fits.
package record
