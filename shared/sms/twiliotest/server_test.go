package twiliotest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"centinela/shared/sms/twiliotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "fedcba9876543210fedcba9876543210"
)

type response struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   any    `json:"status"`
	SID      string `json:"sid"`
}

func post(t *testing.T, s *twiliotest.Server, user, password string, form url.Values) (int, response) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/2010-04-01/Accounts/"+account+"/Messages.json", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	pool := &http.Transport{}
	defer pool.CloseIdleConnections()
	res, err := pool.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var body response
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return res.StatusCode, body
}

// TestFormFaults: the stand-in is as strict as Twilio, so that a wrong request of ours fails here, not in production.
func TestFormFaults(t *testing.T) {
	s := twiliotest.New(t, account, token)
	tests := []struct {
		name  string
		field string
		value string
		code  int
	}{
		{"no recipient", "To", "", 21604},
		{"not E.164", "To", "600123456", 21211},
		{"no sender", "From", "", 21603},
		{"odd sender", "From", "Centinela!", 21212},
		{"odd service", "MessagingServiceSid", "MG1", 21705},
		{"no text", "Body", "", 21602},
		{"long text", "Body", strings.Repeat("x", 1601), 21617},
		{"callback without host", "StatusCallback", "/status", 21609},
		{"callback with underscore", "StatusCallback", "https://a_b.example/", 21609},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := url.Values{"To": {"+34600123456"}, "From": {"+15005550006"}, "Body": {"hola"}}
			form.Set(tt.field, tt.value)
			status, body := post(t, s, account, token, form)
			if status != http.StatusBadRequest || body.Code != tt.code || body.Status != float64(400) || !strings.HasSuffix(body.MoreInfo, "/errors/"+strconv.Itoa(tt.code)) {
				t.Errorf("got %d %+v, want code %d", status, body, tt.code)
			}
		})
	}
	if n := len(s.Messages()); n != 0 {
		t.Errorf("%d faulty messages were kept", n)
	}
}

// TestState: a message that was taken is kept, in the state that its callbacks moved it to; another's credentials get 401.
func TestState(t *testing.T) {
	s := twiliotest.New(t, account, token)
	form := url.Values{"To": {"+34600123456"}, "From": {"+15005550006"}, "Body": {"hola"}}
	if status, body := post(t, s, account, "wrong", form); status != http.StatusUnauthorized || body.Code != 20003 {
		t.Errorf("a wrong token: %d %+v", status, body)
	}
	status, created := post(t, s, account, token, form)
	if status != http.StatusCreated || created.Status != "queued" || !strings.HasPrefix(created.SID, "SM") || len(created.SID) != 34 {
		t.Fatalf("got %d %+v", status, created)
	}
	s.StatusForm(created.SID, "delivered", 0)
	if got := s.Messages()[created.SID].Status; got != "delivered" {
		t.Error(got)
	}
}

// TestSign holds Sign against the worked example of Twilio's documentation
// (https://www.twilio.com/docs/usage/security, "Validating Signatures").
func TestSign(t *testing.T) {
	form := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+12349013030"}, "Digits": {"1234"},
		"From": {"+12349013030"}, "To": {"+18005551212"},
	}
	got := twiliotest.Sign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form)
	if want := "0/KCTR6DLpKmkAf8muzZqo1nDgQ="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
