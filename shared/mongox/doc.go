// Package mongox opens a service's MongoDB database with the guarantees that
// security state needs: majority write concern with journal, majority read
// concern, reads from the primary.
//
// Owns: the client, the indexes that the service lists, the collection
// outbox_rejected, and the two patterns of the portable subset: replace with a
// version ([UpdateVersioned]) and the outbox inside the document ([Outbox]).
//
// Trusts: the URI from the configuration.
//
// Hands over: collections of the driver; [ErrUnavailable] and [ErrNoDocument] as
// faults; [Wrap] for the services' own calls. No transactions, TTL, change
// streams, pipeline updates or positional operators are used, so that the same
// code runs on MongoDB since 4.2 and its work-alikes (design: dependencies,
// "MongoDB in tests").
package mongox
