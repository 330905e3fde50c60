package twiliotest

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature is HMAC-SHA1
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Sign is Twilio's signature of a form that is posted to publicURL:
// base64(HMAC-SHA1(token, URL + each field's name and value, by name)).
// https://www.twilio.com/docs/usage/security
func Sign(token, publicURL string, form url.Values) string {
	text := publicURL
	for _, name := range slices.Sorted(maps.Keys(form)) {
		text += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// StatusForm is the form of a status callback for a message that was taken, and moves the message there.
func (s *Server) StatusForm(sid, status string, errorCode int) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	form := url.Values{
		"AccountSid": {s.account}, "ApiVersion": {"2010-04-01"},
		"MessageSid": {sid}, "SmsSid": {sid}, "MessageStatus": {status}, "SmsStatus": {status},
	}
	if errorCode != 0 {
		form.Set("ErrorCode", strconv.Itoa(errorCode))
	}
	if m, ok := s.messages[sid]; ok {
		m.Status = status
		form.Set("To", m.To)
		form.Set("From", m.From)
	}
	return form
}

// InboundForm is the form of a text from a phone to one of our numbers.
func (s *Server) InboundForm(from, to, body string) url.Values {
	sid := newSID()
	return url.Values{
		"AccountSid": {s.account}, "ApiVersion": {"2010-04-01"},
		"MessageSid": {sid}, "SmsSid": {sid}, "SmsMessageSid": {sid}, "SmsStatus": {"received"},
		"From": {from}, "To": {to}, "Body": {body}, "NumMedia": {"0"}, "NumSegments": {"1"},
	}
}

// Callback posts a status callback for a message to the URL that it was created
// with. It is signed for that URL, and sent to the host of via when via is not
// empty: the way a public name leads to a test's listener.
// It returns the status of the answer.
func (s *Server) Callback(ctx context.Context, sid, status string, errorCode int, via string) (int, error) {
	m, ok := s.Messages()[sid]
	if !ok || m.StatusCallback == "" {
		return 0, fmt.Errorf("twiliotest: message %s asked for no callback", sid)
	}
	return s.post(ctx, m.StatusCallback, via, s.StatusForm(sid, status, errorCode))
}

// Receive posts a text that a phone sent to publicURL, like Callback.
func (s *Server) Receive(ctx context.Context, publicURL, via, from, to, body string) (int, error) {
	return s.post(ctx, publicURL, via, s.InboundForm(from, to, body))
}

func (s *Server) post(ctx context.Context, publicURL, via string, form url.Values) (int, error) {
	target, err := url.Parse(publicURL)
	if err != nil {
		return 0, err
	}
	if via != "" {
		reach, err := url.Parse(via)
		if err != nil {
			return 0, err
		}
		target.Scheme, target.Host = reach.Scheme, reach.Host
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", Sign(s.token, publicURL, form))
	req.Header.Set("User-Agent", "TwilioProxy/1.1")

	res, err := s.http.Client().Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, err
}
