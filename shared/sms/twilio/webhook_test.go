package twilio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/sms/twilio"
	"centinela/shared/sms/twiliotest"
)

const publicURL = "https://chat.example.org/v1/sms/twilio/status"

func webhook(t *testing.T, publicURL string) *twilio.Webhook {
	t.Helper()
	w, err := twilio.NewWebhook(account, secret.NewString(token), publicURL)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestWebhookStatus (issue 3 point 4): each of Twilio's states, and what a failure means.
func TestWebhookStatus(t *testing.T) {
	server := twiliotest.New(t, account, token)
	hook := webhook(t, publicURL)
	tests := []struct {
		state   string
		code    int
		status  sms.Status
		failure error
	}{
		{"queued", 0, sms.Queued, nil},
		{"sending", 0, sms.Queued, nil},
		{"sent", 0, sms.Sent, nil},
		{"delivered", 0, sms.Delivered, nil},
		{"undelivered", 30003, sms.Failed, sms.ErrUndeliverable},
		{"undelivered", 30005, sms.Failed, sms.ErrUndeliverable},
		{"failed", 21610, sms.Failed, sms.ErrUndeliverable},
		{"failed", 30008, sms.Failed, sms.ErrUnavailable},
		{"failed", 21606, sms.Failed, sms.ErrUnavailable},
		{"canceled", 0, sms.Failed, sms.ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.state, func(t *testing.T) {
			form := server.StatusForm("SM1", tt.state, tt.code)
			got, err := hook.Status(twiliotest.Sign(token, publicURL, form), form)
			if err != nil || got.ProviderID != "SM1" || got.Status != tt.status || !errors.Is(got.Failure, tt.failure) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// TestWebhookForged (recovery.md "signature checked"): a request that Twilio did not sign for this very URL and account changes nothing.
func TestWebhookForged(t *testing.T) {
	server := twiliotest.New(t, account, token)
	hook := webhook(t, publicURL)
	other := "AC" + strings.Repeat("f", 32)
	tests := []struct {
		name  string
		spoil func(form url.Values) (signature string)
	}{
		{"no signature", func(url.Values) string { return "" }},
		{"another token", func(f url.Values) string { return twiliotest.Sign(strings.Repeat("0", 32), publicURL, f) }},
		{"another URL", func(f url.Values) string {
			return twiliotest.Sign(token, "https://evil.example/v1/sms/twilio/status", f)
		}},
		{"plain http", func(f url.Values) string {
			return twiliotest.Sign(token, strings.Replace(publicURL, "https", "http", 1), f)
		}},
		{"changed after signing", func(f url.Values) string {
			s := twiliotest.Sign(token, publicURL, f)
			f.Set("MessageStatus", "delivered")
			return s
		}},
		{"field added", func(f url.Values) string {
			s := twiliotest.Sign(token, publicURL, f)
			f.Set("ErrorCode", "1")
			return s
		}},
		{"field repeated", func(f url.Values) string {
			s := twiliotest.Sign(token, publicURL, f)
			f.Add("MessageStatus", "delivered")
			return s
		}},
		{"another account", func(f url.Values) string {
			f.Set("AccountSid", other)
			return twiliotest.Sign(token, publicURL, f)
		}},
		{"too many fields", func(f url.Values) string {
			for i := range 200 {
				f.Set(strings.Repeat("x", i+1), "")
			}
			return twiliotest.Sign(token, publicURL, f)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form := server.StatusForm("SM1", "failed", 0)
			signature := tt.spoil(form)
			if got, err := hook.Status(signature, form); !errors.Is(err, twilio.ErrSignature) {
				t.Errorf("a status: got %+v, %v", got, err)
			}
			if got, err := hook.Inbound(signature, form); !errors.Is(err, twilio.ErrSignature) {
				t.Errorf("a text: got %+v, %v", got, err)
			}
		})
	}
}

// TestWebhookInbound: a reply (`NO`, `STOP`) with its sender; its text hides itself.
func TestWebhookInbound(t *testing.T) {
	server := twiliotest.New(t, account, token)
	hook := webhook(t, publicURL)
	form := server.InboundForm(phone, from, "NO "+text)
	got, err := hook.Inbound(twiliotest.Sign(token, publicURL, form), form)
	if err != nil || got.From != phone || got.To != from || got.ProviderID == "" || got.Body.Reveal() != "NO "+text {
		t.Errorf("got %+v, %v", got, err)
	}

	status := server.StatusForm("SM1", "sent", 0)
	if _, err := hook.Inbound(twiliotest.Sign(token, publicURL, status), status); !errors.Is(err, twilio.ErrWebhook) {
		t.Errorf("a status as a text: %v", err)
	}
	if _, err := hook.Status(twiliotest.Sign(token, publicURL, form), form); !errors.Is(err, twilio.ErrWebhook) {
		t.Errorf("a text as a status: %v", err)
	}
}

// TestWebhookOverHTTP: sent, called back and answered, through a listener whose
// own address isn't the public URL; the Host header plays no part.
func TestWebhookOverHTTP(t *testing.T) {
	status, inbound := webhook(t, publicURL), webhook(t, "https://chat.example.org/v1/sms/twilio/inbound")
	var deliveries []sms.Delivery
	var replies []sms.Reply
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		var err error
		signature := r.Header.Get(twilio.SignatureHeader)
		switch r.URL.Path {
		case "/v1/sms/twilio/status":
			var d sms.Delivery
			d, err = status.Status(signature, r.PostForm)
			deliveries = append(deliveries, d)
		case "/v1/sms/twilio/inbound":
			var reply sms.Reply
			reply, err = inbound.Inbound(signature, r.PostForm)
			replies = append(replies, reply)
		}
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer listener.Close()

	sender, server := open(t, func(c *twilio.Config) { c.StatusCallbackURL = publicURL })
	name, err := sender.Send(t.Context(), message())
	if err != nil {
		t.Fatal(err)
	}
	if code, err := server.Callback(t.Context(), name, "delivered", 0, listener.URL); err != nil || code != http.StatusNoContent {
		t.Fatal(code, err)
	}
	if code, err := server.Receive(t.Context(), "https://chat.example.org/v1/sms/twilio/inbound", listener.URL, phone, from, "STOP"); err != nil || code != http.StatusNoContent {
		t.Fatal(code, err)
	}
	if len(deliveries) != 1 || deliveries[0].ProviderID != name || deliveries[0].Status != sms.Delivered {
		t.Errorf("deliveries %+v", deliveries)
	}
	if len(replies) != 1 || replies[0].From != phone || replies[0].Body.Reveal() != "STOP" {
		t.Errorf("replies %+v", replies)
	}
	if got := server.Messages()[name].Status; got != "delivered" {
		t.Errorf("the stand-in keeps %q", got)
	}
}

// TestNewWebhook: half a configuration would accept everybody, or nobody.
func TestNewWebhook(t *testing.T) {
	for name, open := range map[string]func() (*twilio.Webhook, error){
		"no account": func() (*twilio.Webhook, error) { return twilio.NewWebhook("", secret.NewString(token), publicURL) },
		"no token":   func() (*twilio.Webhook, error) { return twilio.NewWebhook(account, secret.String{}, publicURL) },
		"no URL":     func() (*twilio.Webhook, error) { return twilio.NewWebhook(account, secret.NewString(token), "/status") },
	} {
		t.Run(name, func(t *testing.T) {
			if w, err := open(); err == nil {
				t.Errorf("got %v", w)
			}
		})
	}
}
