// Package mongo keeps accounts, sessions and counters in MongoDB: a collection each, one document an operation, the
// events of a change in the document's own outbox. It uses the portable subset of shared/mongox only; store.go lists
// every query beside the index that answers it.
package mongo
