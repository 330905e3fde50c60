package twilio_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/sms/twilio"
	"centinela/shared/sms/twiliotest"
)

// TestMain: no send, refused or hanging, leaves a goroutine or a connection behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "fedcba9876543210fedcba9876543210"
	service = "MG0123456789abcdef0123456789abcdef"
	from    = "+15005550006"
	phone   = "+34600123456"
	text    = "Centinela: 48151623 is your code"
)

func message() sms.Message {
	return sms.Message{ID: "sms_1", To: phone, Body: secret.NewString(text)}
}

// open is a sender on a stand-in; change edits its configuration.
func open(t *testing.T, change func(*twilio.Config)) (*twilio.Sender, *twiliotest.Server) {
	t.Helper()
	server := twiliotest.New(t, account, token)
	config := twilio.Config{
		AccountSID: account, AuthToken: secret.NewString(token), From: from, BaseURL: server.URL,
	}
	if change != nil {
		change(&config)
	}
	sender, err := twilio.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sender.Close)
	return sender, server
}

// silent fails if err, or anything below it, shows the text, the number or the
// token, or if a logged message shows its text.
func silent(t *testing.T, err error) {
	t.Helper()
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Error("send", "err", err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&out, "%v %+v %#v %q\n", e, e, e, e)
	}
	if strings.Contains(out.String(), phone) {
		t.Errorf("the number shows: %s", out.String())
	}
	log.Error("send", "message", message())
	fmt.Fprintf(&out, "%+v %#v", message(), message())
	for what, planted := range map[string]string{"text": text, "code": "48151623", "token": token} {
		if strings.Contains(out.String(), planted) {
			t.Errorf("the %s shows: %s", what, out.String())
		}
	}
}
