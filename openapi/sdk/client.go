package sdk

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"centinela/openapi/gen/gatewayclient"
)

// userAgent is what the SDK calls itself where the app says nothing.
const userAgent = "centinela-go-sdk/1"

// callTimeout bounds one try of a call whose context has no deadline.
const callTimeout = 30 * time.Second

// Client talks to one suite as one device. It is safe for concurrent use.
type Client struct {
	shown
	base       *url.URL
	api        *gatewayclient.Client
	http       *http.Client
	device     *DeviceKey // a pointer: see Session.have
	deviceName string
	headers    http.Header
	userAgent  string
}

// Option changes a Client that is being made.
type Option func(*Client)

// WithHTTPClient sends requests through c instead of one of the SDK's own. The
// chat socket dials by itself; it takes the TLS settings and the proxy of c when
// c's Transport is an *http.Transport.
func WithHTTPClient(c *http.Client) Option { return func(k *Client) { k.http = c } }

// WithDeviceKey says which device this is: sent at sign-in, refresh and
// recovery, so that the account knows the device again. Make it once with
// NewDeviceKey, and keep it.
func WithDeviceKey(key DeviceKey) Option { return func(k *Client) { k.device = &key } }

// WithDeviceName is what the person calls the device, at most 64 characters.
func WithDeviceName(name string) Option { return func(k *Client) { k.deviceName = name } }

// WithUserAgent replaces the SDK's User-Agent.
func WithUserAgent(agent string) Option { return func(k *Client) { k.userAgent = agent } }

// WithLanguage asks for texts in that language ("es", "en"; BCP 47). Without it,
// what is said of a recovery is in the account's language once an evidence was
// accepted, and in English before.
func WithLanguage(tag string) Option {
	return func(k *Client) { k.headers.Set("Accept-Language", tag) }
}

// WithDevAddress pretends a client address. Only a suite in the development
// profile listens to it.
func WithDevAddress(address string) Option {
	return func(k *Client) { k.headers.Set("X-Dev-Address", address) }
}

// New returns a Client for the suite at baseURL, like https://id.example.org. It
// makes no call. Without WithDeviceKey it is a device that nobody has seen.
func New(baseURL string, opts ...Option) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(baseURL, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("sdk: %q is not the URL of a suite, like http://127.0.0.1:8080", baseURL)
	}
	c := &Client{shown: shown("client of " + base.Redacted()), base: base, headers: http.Header{}, userAgent: userAgent}
	for _, opt := range opts {
		opt(c)
	}
	if c.http == nil {
		c.http = &http.Client{Transport: ownTransport(), Timeout: callTimeout, CheckRedirect: stay}
	}
	if c.device == nil || *c.device == "" {
		key := NewDeviceKey()
		c.device = &key
	}
	c.api, err = gatewayclient.NewClient(base.String(), gatewayclient.WithHTTPClient(retrying{c}))
	if err != nil {
		return nil, fmt.Errorf("sdk: %w", err)
	}
	return c, nil
}

// stay leaves a redirect to the caller, as a refusal: the suite has none, and a
// password must not go where an answer points.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// ownTransport doesn't share connections with the rest of the program.
func ownTransport() http.RoundTripper {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t.Clone()
	}
	return http.DefaultTransport
}

// With returns a Client that differs from c by the options, and shares its
// connections.
func (c *Client) With(opts ...Option) (*Client, error) {
	same := func(k *Client) {
		k.http, k.device, k.deviceName, k.userAgent, k.headers = c.http, c.device, c.deviceName, c.userAgent, c.headers.Clone()
	}
	return New(c.base.String(), append([]Option{same}, opts...)...)
}

// Device is the key that this client signs in with.
func (c *Client) Device() DeviceKey { return *c.device }

// BaseURL is where the suite is.
func (c *Client) BaseURL() string { return c.base.String() }

// CloseIdle closes connections that nobody uses at the moment.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// deviceModel is the device as the specification spells it.
func (c *Client) deviceModel() *gatewayclient.Device {
	d := gatewayclient.Device{Key: string(*c.device)}
	if c.deviceName != "" {
		d.Name = &c.deviceName
	}
	return &d
}
