package twilio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"time"

	"github.com/twilio/twilio-go/client"

	"centinela/shared/sms"
)

const (
	// maxAnswer bounds what is read of an answer; Twilio's are about 1 KiB.
	maxAnswer = 256 << 10
	// maxRetryAfter bounds what a provider can make us wait.
	maxRetryAfter = time.Hour
)

// call is the http.RoundTripper of one Send. It does what twilio-go leaves out:
// the context, another host, and closing the body of an error answer (it is
// read to its end here, so that the connection goes back to the pool).
type call struct {
	ctx  context.Context // lives as long as Send: twilio-go's methods have no parameter for it
	base *url.URL
	next http.RoundTripper

	handed     bool          // a connection took the request: Twilio may have it
	status     int           // of the answer; 0: none came
	retryAfter time.Duration // what its header asked for
}

// apiHost is where twilio-go means to send; anything else would carry the token astray.
const apiHost = "api.twilio.com"

// RoundTrip sends req within the call's context, to the call's host.
func (c *call) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != apiHost {
		return nil, errors.New("twilio: twilio-go asks for another host than " + apiHost)
	}
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { c.handed = true }}
	out := req.Clone(httptrace.WithClientTrace(c.ctx, trace))
	if c.base != nil {
		out.URL.Scheme, out.URL.Host, out.Host = c.base.Scheme, c.base.Host, c.base.Host
	}
	res, err := c.next.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	c.status, c.retryAfter = res.StatusCode, retryAfter(res.Header)
	return res, nil
}

// verdict turns what twilio-go returned into one of our errors. Twilio's text is
// dropped on purpose: it repeats the number ("The 'To' number +34… is not valid").
func (c *call) verdict(err error) error {
	if c.status == 0 {
		cause := fmt.Errorf("twilio can't be reached: %w", err)
		if stopped := c.ctx.Err(); stopped != nil {
			cause = fmt.Errorf("twilio: %w", stopped)
		}
		if c.handed {
			cause = sms.Unsure(cause)
		}
		return sms.ErrUnavailable.WithCause(cause)
	}
	if c.status/100 == 2 { // taken, and the answer can't be read
		return sms.ErrUnavailable.WithCause(sms.Unsure(&ProviderError{Status: c.status}))
	}
	var rest *client.TwilioRestError
	if errors.As(err, &rest) {
		return judge(c.status, rest.Code, c.retryAfter)
	}
	return judge(c.status, 0, c.retryAfter)
}

// retryAfter reads both forms of the header (RFC 9110 §10.2.3). A date is
// measured against the answer's own Date, so that clocks don't matter.
func retryAfter(h http.Header) time.Duration {
	raw := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(raw); err == nil {
		return min(max(time.Duration(seconds)*time.Second, 0), maxRetryAfter)
	}
	until, err := http.ParseTime(raw)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(until.Sub(from), 0), maxRetryAfter)
}
