package twiliotest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	// URL is the base URL to configure in place of https://api.twilio.com.
	URL string

	account, token string
	http           *httptest.Server
	closing        chan struct{}
	gaveUp         atomic.Int64

	mu       sync.Mutex
	script   []Behaviour
	requests []url.Values
	messages map[string]*Message
}

// Message is what the stand-in keeps of one it took.
type Message struct {
	SID            string
	To, From, Body string
	StatusCallback string
	Status         string
}

// New starts a stand-in for one account and stops it when the test ends.
func New(t testing.TB, account, token string) *Server {
	t.Helper()
	s := &Server{account: account, token: token, closing: make(chan struct{}), messages: map[string]*Message{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Messages.json", s.create)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, 20404, "The requested resource "+r.URL.Path+" was not found")
	})
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL
	t.Cleanup(func() {
		close(s.closing) // ends requests that hang
		s.http.Close()
	})
	return s
}

// Script sets how the next requests are answered, one behaviour each; when it is used up, Take.
func (s *Server) Script(next ...Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = next
}

// Requests are the forms of the authenticated create requests so far, oldest first.
func (s *Server) Requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Messages are copies of the messages that were taken, by SID.
func (s *Server) Messages() map[string]Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]Message, len(s.messages))
	for sid, m := range s.messages {
		out[sid] = *m
	}
	return out
}

// GaveUp counts the requests that hung until their caller cancelled them.
func (s *Server) GaveUp() int { return int(s.gaveUp.Load()) }

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	if !s.authenticated(r) {
		unauthorized(w)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		fail(w, http.StatusBadRequest, 20001, "The request body is not a form")
		return
	}
	behaviour := s.next(r.PostForm)
	if code, message := faulty(r.PostForm); code != 0 {
		fail(w, http.StatusBadRequest, code, message)
		return
	}
	behaviour.run(s, w, r)
}

// next records the form and takes one behaviour off the script.
func (s *Server) next(form url.Values) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, form)
	if len(s.script) == 0 {
		return Take()
	}
	b := s.script[0]
	s.script = s.script[1:]
	return b
}

// take keeps the message and answers 201.
func (s *Server) take(w http.ResponseWriter, r *http.Request, status string) {
	form := r.PostForm
	if status == "" {
		status = "queued"
		if form.Has("MessagingServiceSid") {
			status = "accepted"
		}
	}
	m := &Message{
		SID: newSID(), To: form.Get("To"), From: form.Get("From"), Body: form.Get("Body"),
		StatusCallback: form.Get("StatusCallback"), Status: status,
	}
	s.mu.Lock()
	s.messages[m.SID] = m
	s.mu.Unlock()
	answer(w, http.StatusCreated, s.resource(*m, form.Get("MessagingServiceSid")))
}

func (s *Server) authenticated(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return ok && user == s.account && password == s.token && r.PathValue("account") == s.account
}

// newSID is SM and 32 hex digits.
func newSID() string { return fmt.Sprintf("SM%032x", made.Add(1)) }

// made counts the messages of all stand-ins.
var made atomic.Int64

// resource is the Message resource as the published API shows it.
func (s *Server) resource(m Message, service string) map[string]any {
	// A real-time stamp, as the server's clock would give it; no test reads it.
	now := time.Now().UTC().Format(time.RFC1123Z)
	uri := "/2010-04-01/Accounts/" + s.account + "/Messages/" + m.SID
	segments := "1"
	if service != "" {
		segments = "0"
	}
	return map[string]any{
		"sid": m.SID, "account_sid": s.account, "api_version": "2010-04-01", "direction": "outbound-api",
		"to": m.To, "from": orNull(m.From), "messaging_service_sid": orNull(service), "body": m.Body,
		"status": m.Status, "error_code": nil, "error_message": nil, "num_segments": segments, "num_media": "0",
		"price": nil, "price_unit": "USD", "date_created": now, "date_updated": now, "date_sent": nil,
		"uri": uri + ".json", "subresource_uris": map[string]string{"media": uri + "/Media.json"},
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func answer(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, raw)
}

func fail(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{
		"code": code, "message": message, "status": status,
		"more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
	})
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	fail(w, http.StatusUnauthorized, 20003, "Authenticate")
}

var (
	e164    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	service = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
)

// faulty checks the fields as Twilio does, and returns its code and text; 0 is fine.
func faulty(form url.Values) (code int, message string) {
	switch {
	case form.Get("To") == "":
		return 21604, "A 'To' phone number is required."
	case !e164.MatchString(form.Get("To")):
		return 21211, "Invalid 'To' Phone Number: " + form.Get("To")
	case form.Get("From") == "" && form.Get("MessagingServiceSid") == "":
		return 21603, "A 'From' phone number is required."
	case form.Get("From") != "" && !e164.MatchString(form.Get("From")):
		return 21212, "Invalid From Number (caller ID): " + form.Get("From")
	case form.Get("MessagingServiceSid") != "" && !service.MatchString(form.Get("MessagingServiceSid")):
		return 21705, "The Messaging Service Sid is invalid."
	case form.Get("Body") == "":
		return 21602, "Message body is required."
	case utf8.RuneCountInString(form.Get("Body")) > 1600:
		return 21617, "The concatenated message body exceeds the 1600 character limit"
	case form.Has("StatusCallback") && !reachable(form.Get("StatusCallback")):
		return 21609, "The StatusCallback URL is not a valid URL."
	}
	return 0, ""
}

// reachable: absolute, http(s), and a host name without underscores.
func reachable(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && !strings.Contains(u.Host, "_") && len(raw) <= 4000
}

// write ignores the error: a caller that went away is a behaviour under test.
func write(w http.ResponseWriter, raw []byte) { _, _ = w.Write(raw) }
