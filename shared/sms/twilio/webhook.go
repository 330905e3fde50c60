package twilio

import (
	"errors"
	"net/url"
	"strconv"

	"github.com/twilio/twilio-go/client"

	"centinela/shared/fault"
	"centinela/shared/secret"
	"centinela/shared/sms"
)

// SignatureHeader carries Twilio's signature of a webhook.
const SignatureHeader = "X-Twilio-Signature"

// maxFields bounds a webhook's form; Twilio's have about 20.
const maxFields = 100

// The errors of Webhook.
var (
	// ErrSignature: the request isn't Twilio's, or isn't for this URL and account.
	ErrSignature = fault.New(fault.KindForbidden, fault.CodeForbidden, "the signature doesn't match")
	// ErrWebhook: signed, but not a webhook of this kind.
	ErrWebhook = fault.New(fault.KindInvalid, fault.CodeInvalidRequest, "not a webhook of this kind")
)

// Webhook checks and reads the requests that Twilio makes to one of our URLs.
type Webhook struct {
	account   string
	publicURL string
	validator client.RequestValidator
}

// NewWebhook is for the requests to publicURL: the URL as Twilio has it, which
// is what Twilio signs. The Host header is never asked: whoever calls sets it.
func NewWebhook(account string, token secret.String, publicURL string) (*Webhook, error) {
	if !accountSID.MatchString(account) || !authToken.MatchString(token.Reveal()) {
		return nil, errors.New("twilio: the webhook needs Twilio's account SID and auth token")
	}
	if _, err := absolute(publicURL); err != nil {
		return nil, errors.New("twilio: the webhook's public URL must be absolute, http or https")
	}
	return &Webhook{account: account, publicURL: publicURL, validator: client.NewRequestValidator(token.Reveal())}, nil
}

// Status reads a status callback. Its form comes with SignatureHeader.
// Errors: ErrSignature, ErrWebhook.
func (w *Webhook) Status(signature string, form url.Values) (sms.Delivery, error) {
	if err := w.check(signature, form); err != nil {
		return sms.Delivery{}, err
	}
	status, err := statusOf(form.Get("MessageStatus"))
	if err != nil || form.Get("MessageSid") == "" {
		return sms.Delivery{}, ErrWebhook.WithCause(err)
	}
	d := sms.Delivery{ProviderID: form.Get("MessageSid"), Status: status}
	if status == sms.Failed {
		code, err := strconv.Atoi(form.Get("ErrorCode"))
		if err != nil {
			code = 0 // a canceled message has none
		}
		d.Failure = failure(code)
	}
	return d, nil
}

// Inbound reads a text that came in. Errors: ErrSignature, ErrWebhook.
func (w *Webhook) Inbound(signature string, form url.Values) (sms.Reply, error) {
	if err := w.check(signature, form); err != nil {
		return sms.Reply{}, err
	}
	r := sms.Reply{
		ProviderID: form.Get("MessageSid"), From: form.Get("From"), To: form.Get("To"),
		Body: secret.NewString(form.Get("Body")),
	}
	if r.ProviderID == "" || !sms.IsE164(r.From) || form.Has("MessageStatus") {
		return sms.Reply{}, ErrWebhook
	}
	return r, nil
}

// check holds the form against the signature. Twilio signs the URL and the
// fields written one after the other without a separator, so a repeated field
// (of which the validator sees one) and a missing account are refused.
func (w *Webhook) check(signature string, form url.Values) error {
	if len(form) > maxFields {
		return ErrSignature
	}
	params := make(map[string]string, len(form))
	for name, values := range form {
		if len(values) != 1 {
			return ErrSignature
		}
		params[name] = values[0]
	}
	if !w.validator.Validate(w.publicURL, params, signature) || params["AccountSid"] != w.account {
		return ErrSignature
	}
	return nil
}
