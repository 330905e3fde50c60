package twilio

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"centinela/shared/secret"
	"centinela/shared/sms"
)

// Config says which Twilio account sends, and from what.
type Config struct {
	AccountSID string
	AuthToken  secret.String
	// From (E.164) or MessagingServiceSID: exactly one.
	From                string
	MessagingServiceSID string
	// StatusCallbackURL is the public URL to which Twilio reports deliveries; empty: no reports.
	StatusCallbackURL string
	// BaseURL takes the place of https://api.twilio.com (scheme and host only); empty: Twilio itself.
	BaseURL string
	// Timeout bounds a send whose context has a later deadline or none; 0: 10 s.
	Timeout time.Duration
}

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	authToken  = regexp.MustCompile(`^[0-9A-Za-z]{32,64}$`)
)

// Validate reports everything that is wrong, a line each, joined. It prints no value.
func (c Config) Validate() error {
	var wrong []error
	add := func(bad bool, what string) {
		if bad {
			wrong = append(wrong, errors.New(what))
		}
	}
	add(!accountSID.MatchString(c.AccountSID), "account_sid: must be AC and 32 hex digits")
	add(!authToken.MatchString(c.AuthToken.Reveal()), "auth_token: must be Twilio's auth token (32 letters and digits)")
	add((c.From == "") == (c.MessagingServiceSID == ""), "from: set either from or messaging_service_sid")
	add(c.From != "" && !sms.IsE164(c.From), "from: must be a number in E.164, like +34600000000")
	add(c.MessagingServiceSID != "" && !serviceSID.MatchString(c.MessagingServiceSID), "messaging_service_sid: must be MG and 32 hex digits")
	if c.StatusCallbackURL != "" {
		_, err := absolute(c.StatusCallbackURL)
		add(err != nil, "status_callback_url: must be an absolute http or https URL")
	}
	if c.BaseURL != "" {
		u, err := absolute(c.BaseURL)
		add(err != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "", "base_url: must be scheme and host only, like https://api.twilio.com")
	}
	add(c.Timeout < 0, "timeout: must be > 0")
	return errors.Join(wrong...)
}

// Sender sends through Twilio's Messages API.
type Sender struct {
	config Config
	base   *url.URL // nil: Twilio itself
	pool   *http.Transport
}

var _ sms.Sender = (*Sender)(nil)

// New checks the configuration. It calls nobody.
func New(c Config) (*Sender, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	t := &Sender{config: c, pool: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: 16,
		MaxConnsPerHost:     64,
		IdleConnTimeout:     60 * time.Second,
		ForceAttemptHTTP2:   true,
	}}
	if c.BaseURL != "" {
		base, err := absolute(c.BaseURL)
		if err != nil {
			return nil, err
		}
		t.base = base
	}
	return t, nil
}

// Close drops idle connections. Sends under way go on.
func (t *Sender) Close() { t.pool.CloseIdleConnections() }

// Send creates the message at Twilio, within ctx and the configured timeout.
// Errors are those of sms.Sender; what Twilio said about it is in the cause, as a
// *ProviderError.
func (t *Sender) Send(ctx context.Context, m sms.Message) (string, error) {
	if err := m.Check(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, t.config.Timeout)
	defer cancel()

	call := &call{ctx: ctx, base: t.base, next: t.pool}
	created, err := t.service(call).CreateMessage(t.params(m))
	if err != nil {
		return "", call.verdict(err)
	}
	return taken(created)
}

// service is twilio-go's client for one call: its methods take no context, so
// the call's own RoundTripper carries it. RequestHandler is built by hand,
// because its constructor lets TWILIO_EDGE and TWILIO_REGION move the host.
func (t *Sender) service(call *call) *api.ApiService {
	c := &client.Client{
		Credentials: client.NewCredentials(t.config.AccountSID, t.config.AuthToken.Reveal()),
		HTTPClient: &http.Client{
			Transport: call,
			// A redirect would carry the text to a host that nobody configured.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	c.SetAccountSid(t.config.AccountSID)
	return api.NewApiService(&client.RequestHandler{Client: c})
}

func (t *Sender) params(m sms.Message) *api.CreateMessageParams {
	p := (&api.CreateMessageParams{}).SetTo(m.To).SetBody(m.Body.Reveal())
	if t.config.From != "" {
		p.SetFrom(t.config.From)
	} else {
		p.SetMessagingServiceSid(t.config.MessagingServiceSID)
	}
	if t.config.StatusCallbackURL != "" {
		p.SetStatusCallback(t.config.StatusCallbackURL)
	}
	return p
}

// taken reads a success. A message that Twilio refused while it took it is a failure.
func taken(created *api.ApiV2010Message) (string, error) {
	if created.Sid == nil || *created.Sid == "" || created.Status == nil {
		return "", sms.ErrUnavailable.WithCause(sms.Unsure(errors.New("twilio: the answer names no message")))
	}
	status, err := statusOf(*created.Status)
	switch {
	case err != nil:
		return "", sms.ErrUnavailable.WithCause(sms.Unsure(err))
	case status != sms.Failed:
		return *created.Sid, nil
	case created.ErrorCode == nil:
		return "", failure(0)
	}
	return "", failure(*created.ErrorCode)
}

// absolute parses an http(s) URL with a host and without credentials or fragment.
func absolute(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("not an absolute http or https URL")
	}
	return u, nil
}
