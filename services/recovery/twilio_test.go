package recovery_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"centinela/services/recovery"
	"centinela/shared/record"
	"centinela/shared/sms/twiliotest"
	"centinela/shared/testkit"
)

const (
	twilioAccount = "AC0123456789abcdef0123456789abcdef"
	twilioToken   = "0123456789abcdef0123456789abcdef"
	twilioFrom    = "+12025550100"
	webhookBase   = "https://centinela.example"
)

// TestTwilio: texts go to Twilio; its webhooks count only when signed for our
// public URL; NO by SMS stops a recovery; /dev is closed.
func TestTwilio(t *testing.T) {
	stand := twiliotest.New(t, twilioAccount, twilioToken)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(twilioToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, options{config: func(c *recovery.Config) {
		c.SMS.Provider = recovery.Twilio
		c.SMS.Twilio = recovery.TwilioConfig{AccountSID: twilioAccount, AuthTokenFile: token, From: twilioFrom, BaseURL: stand.URL, WebhookBase: webhookBase}
	}})
	w.want(w.call("GET", "/dev/phone", "", nil), 404, "unknown_route")
	w.want(w.call("POST", "/dev/phone/replies", "", map[string]string{"from": first, "body": "NO"}), 404, "unknown_route")

	sent := func(part string) (code, sid string) {
		testkit.Eventually(t, testkit.Patience, func() (bool, string) {
			for id, m := range stand.Messages() {
				if found := codePattern.FindStringSubmatch(m.Body); found != nil && m.To == first && strings.Contains(m.Body, part) {
					code, sid = found[1], id
				}
			}
			return code != "", "no text at Twilio"
		})
		return code, sid
	}
	id := w.want(w.call("POST", "/v1/me/phones", w.signedIn(ana), map[string]string{"number": first}), 201, "").Field("id")
	code, sid := sent("confirmar")
	w.want(w.call("POST", "/v1/me/phones/"+id+"/verification", w.signedIn(ana), map[string]string{"code": code}), 200, "")
	w.Clock.Advance(8 * day)
	c := w.start("ana", "")
	w.want(c.call("POST", "/codes", map[string]string{}), 202, "")
	code, _ = sent("RECUPERAR")
	w.want(c.evidence("sms", code), 200, "")

	hook := func(path string, form url.Values, signature string) answer {
		req, err := http.NewRequest("POST", w.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", signature)
		return w.send(req, "gateway", "")
	}
	const inbound, status = "/v1/sms/twilio/inbound", "/v1/sms/twilio/status"
	no := stand.InboundForm(first, twilioFrom, "no")
	w.want(hook(inbound, no, "forged"), 403, "forbidden")
	w.want(hook(inbound, no, twiliotest.Sign(twilioToken, w.URL+inbound, no)), 403, "forbidden")
	if c.call("GET", "", nil).Field("state") != "waiting" {
		t.Error("a forged reply stopped the recovery")
	}
	w.want(hook(inbound, no, twiliotest.Sign(twilioToken, webhookBase+inbound, no)), 200, "")
	if got := c.call("GET", "", nil).Field("state"); got != "vetoed" {
		t.Error(got)
	}
	lost := stand.StatusForm(sid, "undelivered", 30005)
	w.want(hook(status, lost, twiliotest.Sign(twilioToken, webhookBase+status, lost)), 204, "")
	testkit.Eventually(t, testkit.Patience, func() (bool, string) { return w.audit.count(record.SMSFailed, record.Failure) == 1, "sms.failed" })
}

// TestTwilioRoutesWithoutTwilio: the webhooks don't exist with the simulator.
func TestTwilioRoutesWithoutTwilio(t *testing.T) {
	w := newWorld(t, options{})
	for _, path := range []string{"/v1/sms/twilio/inbound", "/v1/sms/twilio/status"} {
		req, err := http.NewRequest("POST", w.URL+path, strings.NewReader("From=%2B1&Body=NO"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w.want(w.send(req, "gateway", ""), 404, "unknown_route")
	}
}
