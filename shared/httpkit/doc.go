// Package httpkit is the one way in which Centinela serves and calls HTTP.
//
// Server side it owns the order of what happens to a request (recover, id, wide event, deadline, body limit, calling
// service, person, validation against the specification) and the one writer of errors (problem+json, RFC 9457).
// Client side it owns what an internal call carries (service token, person's token, request id, client address, time
// left), its one retry and its circuit breaker.
//
// It trusts the specification it is given, the keys behind Callers and People, and nothing in a request: headers that
// speak for a client are believed only from a service that proved its name. It hands over to generated handlers, which
// find who calls by RequestOf and report every error through the four hooks, because their own defaults send the text
// of errors to the client.
//
// Times in this package are real time: deadlines, retries and latencies are a matter of transport.
package httpkit
