// Package proxy passes requests on to the services.
//
// It owns nothing but its connections, through httpkit's clients: identity,
// breaker, deadline. It trusts that the request was authenticated and validated
// by the chain before it, and hands over what the service answers; a service
// that is down becomes a 503 problem within 100 ms.
package proxy
