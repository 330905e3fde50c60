package twiliotest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Behaviour is how the stand-in answers one valid, authenticated request.
type Behaviour struct {
	name string
	run  func(s *Server, w http.ResponseWriter, r *http.Request)
}

// String names the behaviour, for the names of sub-tests.
func (b Behaviour) String() string { return b.name }

// Take answers 201: the message is kept, `accepted` with a messaging service and `queued` with a number.
func Take() Behaviour {
	return Behaviour{"take", func(s *Server, w http.ResponseWriter, r *http.Request) { s.take(w, r, "") }}
}

// TakeAs answers 201 with the given state ("accepted", "queued", "failed", ...).
func TakeAs(status string) Behaviour {
	return Behaviour{status, func(s *Server, w http.ResponseWriter, r *http.Request) { s.take(w, r, status) }}
}

// Refuse answers 400 with Twilio's error body. Like the real one, its message repeats the number.
func Refuse(code int) Behaviour {
	return Behaviour{"refuse_" + strconv.Itoa(code), func(_ *Server, w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusBadRequest, code, fmt.Sprintf("The 'To' number %s is refused: %s", r.PostForm.Get("To"), r.PostForm.Get("Body")))
	}}
}

// Unauthorized answers 401 though the credentials are right (a revoked token).
func Unauthorized() Behaviour {
	return Behaviour{"unauthorized", func(_ *Server, w http.ResponseWriter, _ *http.Request) { unauthorized(w) }}
}

// Throttle answers 429; after > 0 adds Retry-After, in whole seconds.
func Throttle(after time.Duration) Behaviour {
	return Behaviour{"throttle", func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		if after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
		}
		fail(w, http.StatusTooManyRequests, 20429, "Too Many Requests")
	}}
}

// Break answers 500 with Twilio's error body.
func Break() Behaviour {
	return Behaviour{"break", func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusInternalServerError, 20500, "Internal Server Error")
	}}
}

// Raw answers with a status and a body that isn't Twilio's (a gateway's page, a redirect, cut JSON).
func Raw(status int, header http.Header, body string) Behaviour {
	return Behaviour{"raw_" + strconv.Itoa(status), func(_ *Server, w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		write(w, []byte(body))
	}}
}

// patience ends a Hang whose caller has no deadline, so that its test fails instead of hanging as well.
const patience = 10 * time.Second

// Hang answers nothing until the caller gives up, the server closes, or 10 s have passed.
func Hang() Behaviour {
	return Behaviour{"hang", func(s *Server, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
			s.gaveUp.Add(1)
		case <-s.closing:
		case <-time.After(patience):
		}
		panic(http.ErrAbortHandler)
	}}
}
