package sms_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"centinela/shared/secret"
	"centinela/shared/sms"
)

// TestMain: no send leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	phone = "+34600123456"
	text  = "Centinela: 48151623 is your code"
)

func message() sms.Message {
	return sms.Message{ID: "sms_1", To: phone, Body: secret.NewString(text)}
}

// silent fails if err, or anything below it, shows the text or the number, or if a logged message shows its text.
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
	for what, planted := range map[string]string{"text": text, "code": "48151623"} {
		if strings.Contains(out.String(), planted) {
			t.Errorf("the %s shows: %s", what, out.String())
		}
	}
}
