// Package mongox opens a service's MongoDB database with the guarantees that
// security state needs: majority write concern with journal, majority read
// concern, reads from the primary.
//
// Owns: the client, the indexes that the service lists, the collections
// outbox_rejected, write_probe and edition, and what the services' stores do alike:
// [Documents] (a value by its JSON tags, replaced with a revision, its events in the
// same document), [List], [One], [Prune].
//
// Trusts: the URI from the configuration.
//
// Hands over: collections of the driver; [ErrUnavailable] for what the store can't do
// now, through [Wrap] for the services' own calls. No transactions, TTL, change
// streams, pipeline updates or positional operators are used, so that the same
// code runs on MongoDB since 4.2 and its work-alikes (design: dependencies,
// "MongoDB in tests").
package mongox
