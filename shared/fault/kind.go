package fault

import (
	"net/http"
	"slices"
)

// Kind is the class of an error; it decides the HTTP status and nothing else.
// The zero value is KindInternal, so that a forgotten kind shows no detail.
type Kind uint8

// The kinds, in the order of their statuses.
const (
	KindInternal Kind = iota
	KindInvalid
	KindUnauthenticated
	KindForbidden
	KindNotFound
	KindMethodNotAllowed
	KindRequestTimeout // the client didn't send its request in time
	KindConflict
	KindGone
	KindTooLarge
	KindUnsupportedMedia
	KindUnprocessable // a secret that was asked for is wrong: no token would help, so it isn't 401
	KindTooMany
	KindUnavailable
	KindTimeout
)

// statuses is the one table between kinds and statuses.
var statuses = [...]int{
	KindInternal:         http.StatusInternalServerError,
	KindInvalid:          http.StatusBadRequest,
	KindUnauthenticated:  http.StatusUnauthorized,
	KindForbidden:        http.StatusForbidden,
	KindNotFound:         http.StatusNotFound,
	KindMethodNotAllowed: http.StatusMethodNotAllowed,
	KindRequestTimeout:   http.StatusRequestTimeout,
	KindConflict:         http.StatusConflict,
	KindGone:             http.StatusGone,
	KindTooLarge:         http.StatusRequestEntityTooLarge,
	KindUnsupportedMedia: http.StatusUnsupportedMediaType,
	KindUnprocessable:    http.StatusUnprocessableEntity,
	KindTooMany:          http.StatusTooManyRequests,
	KindUnavailable:      http.StatusServiceUnavailable,
	KindTimeout:          http.StatusGatewayTimeout,
}

// Status is the HTTP status of the kind; 500 for a value that is no kind.
func (k Kind) Status() int {
	if int(k) >= len(statuses) {
		return http.StatusInternalServerError
	}
	return statuses[k]
}

// KindOf is the kind that a peer meant with an HTTP status; KindInternal for a
// status that no kind has.
func KindOf(status int) Kind {
	return Kind(max(0, slices.Index(statuses[:], status)))
}
