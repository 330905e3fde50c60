package twiliotest

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

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
