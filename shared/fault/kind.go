package fault

import "net/http"

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

// kinds is the one table between kinds, statuses and names; its order is the
// order of the constants.
var kinds = [...]struct {
	status int
	name   string
}{
	KindInternal:         {http.StatusInternalServerError, "internal"},
	KindInvalid:          {http.StatusBadRequest, "invalid"},
	KindUnauthenticated:  {http.StatusUnauthorized, "unauthenticated"},
	KindForbidden:        {http.StatusForbidden, "forbidden"},
	KindNotFound:         {http.StatusNotFound, "not_found"},
	KindMethodNotAllowed: {http.StatusMethodNotAllowed, "method_not_allowed"},
	KindRequestTimeout:   {http.StatusRequestTimeout, "request_timeout"},
	KindConflict:         {http.StatusConflict, "conflict"},
	KindGone:             {http.StatusGone, "gone"},
	KindTooLarge:         {http.StatusRequestEntityTooLarge, "too_large"},
	KindUnsupportedMedia: {http.StatusUnsupportedMediaType, "unsupported_media"},
	KindUnprocessable:    {http.StatusUnprocessableEntity, "unprocessable"},
	KindTooMany:          {http.StatusTooManyRequests, "too_many"},
	KindUnavailable:      {http.StatusServiceUnavailable, "unavailable"},
	KindTimeout:          {http.StatusGatewayTimeout, "timeout"},
}

// Status is the HTTP status of the kind; 500 for a value that is no kind.
func (k Kind) Status() int {
	if int(k) >= len(kinds) {
		return http.StatusInternalServerError
	}
	return kinds[k].status
}

// String is the kind's name for logs and metrics.
func (k Kind) String() string {
	if int(k) >= len(kinds) {
		return kinds[KindInternal].name
	}
	return kinds[k].name
}

// KindOf is the kind that a peer meant with an HTTP status; KindInternal for a
// status that no kind has.
func KindOf(status int) Kind {
	for k := range kinds {
		if kinds[k].status == status {
			return Kind(k)
		}
	}
	return KindInternal
}
