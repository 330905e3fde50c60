package twilio_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/shared/fault"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/sms/twilio"
	"centinela/shared/sms/twiliotest"
	"centinela/shared/testkit"
)

// TestTwilioSend (issue 3 point 4): what goes to Twilio, in whose two first states a message counts as taken.
func TestTwilioSend(t *testing.T) {
	tests := []struct {
		name   string
		change func(*twilio.Config)
		form   map[string][]string
	}{
		{"queued from a number", nil, map[string][]string{"To": {phone}, "From": {from}, "Body": {text}}},
		{
			"accepted by a messaging service", func(c *twilio.Config) { c.From, c.MessagingServiceSID = "", service },
			map[string][]string{"To": {phone}, "MessagingServiceSid": {service}, "Body": {text}},
		},
		{
			"with a status callback", func(c *twilio.Config) { c.StatusCallbackURL = "https://example.org/v1/sms/twilio/status" },
			map[string][]string{"To": {phone}, "From": {from}, "Body": {text}, "StatusCallback": {"https://example.org/v1/sms/twilio/status"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sender, server := open(t, tt.change)
			name, err := sender.Send(t.Context(), message())
			if err != nil {
				t.Fatal(err, errors.Unwrap(err))
			}
			if kept, ok := server.Messages()[name]; !ok || kept.Body != text || kept.To != phone {
				t.Errorf("Twilio calls it %q and keeps %v", name, kept)
			}
			if got := server.Requests(); len(got) != 1 || !reflect.DeepEqual(map[string][]string(got[0]), tt.form) {
				t.Errorf("sent %v, want once %v", got, tt.form)
			}
		})
	}
}

// TestTwilioFailure (issue 3 point 4): never again, later, or after the wait that Twilio names; and nobody learns the text.
func TestTwilioFailure(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html"}}
	tests := []struct {
		name      string
		behaviour twiliotest.Behaviour
		want      error
		provider  twilio.ProviderError
		wait      time.Duration
	}{
		{"invalid number", twiliotest.Refuse(21211), sms.ErrUndeliverable, twilio.ProviderError{Status: 400, Code: 21211}, 0},
		{"opted out", twiliotest.Refuse(21610), sms.ErrUndeliverable, twilio.ProviderError{Status: 400, Code: 21610}, 0},
		{"not a mobile", twiliotest.Refuse(21614), sms.ErrUndeliverable, twilio.ProviderError{Status: 400, Code: 21614}, 0},
		{"unreachable handset", twiliotest.Refuse(30003), sms.ErrUndeliverable, twilio.ProviderError{Status: 400, Code: 30003}, 0},
		{"a 21xxx code of the future", twiliotest.Refuse(21999), sms.ErrUndeliverable, twilio.ProviderError{Status: 400, Code: 21999}, 0},
		{"our sender number is wrong", twiliotest.Refuse(21606), sms.ErrUnavailable, twilio.ProviderError{Status: 400, Code: 21606}, time.Minute},
		{"an unknown 400", twiliotest.Refuse(99999), sms.ErrUnavailable, twilio.ProviderError{Status: 400, Code: 99999}, time.Minute},
		{"revoked token", twiliotest.Unauthorized(), sms.ErrUnavailable, twilio.ProviderError{Status: 401, Code: 20003}, time.Minute},
		{"throttled", twiliotest.Throttle(7 * time.Second), sms.ErrThrottled, twilio.ProviderError{Status: 429, Code: 20429}, 7 * time.Second},
		{"throttled without a wait", twiliotest.Throttle(0), sms.ErrThrottled, twilio.ProviderError{Status: 429, Code: 20429}, time.Second},
		{"throttled for a day", twiliotest.Throttle(24 * time.Hour), sms.ErrThrottled, twilio.ProviderError{Status: 429, Code: 20429}, time.Hour},
		{"broken", twiliotest.Break(), sms.ErrUnavailable, twilio.ProviderError{Status: 500, Code: 20500}, 0},
		{"a gateway's page", twiliotest.Raw(503, html, "<html>down for "+text), sms.ErrUnavailable, twilio.ProviderError{Status: 503}, 0},
		{"down until a date", twiliotest.Raw(503, http.Header{
			"Date": {"Mon, 23 Nov 2026 10:00:00 GMT"}, "Retry-After": {"Mon, 23 Nov 2026 10:00:30 GMT"},
		}, "{}"), sms.ErrUnavailable, twilio.ProviderError{Status: 503}, 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sender, server := open(t, nil)
			server.Script(tt.behaviour)
			_, err := sender.Send(t.Context(), message())
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v (%v), want %v", err, errors.Unwrap(err), tt.want)
			}
			var provider *twilio.ProviderError
			if !errors.As(err, &provider) || *provider != tt.provider {
				t.Errorf("cause %v, want %v", provider, &tt.provider)
			}
			wait, again := sms.Retryable(err)
			if wait != tt.wait || again == errors.Is(err, sms.ErrUndeliverable) {
				t.Errorf("retry %v after %v, want after %v", again, wait, tt.wait)
			}
			if sms.Uncertain(err) {
				t.Error("Twilio said no: a second try makes no second text")
			}
			silent(t, err)

			// the same sender works on: nothing of the failure stays in it
			if _, err := sender.Send(t.Context(), message()); err != nil {
				t.Errorf("the next send fails: %v", err)
			}
		})
	}
}

// TestTwilioAnswerWithoutMessage: a success that can't be read isn't a receipt, and the text may be on its way: only a redirect took none.
func TestTwilioAnswerWithoutMessage(t *testing.T) {
	for _, behaviour := range []twiliotest.Behaviour{
		twiliotest.Raw(201, nil, `{"sid": "SM1", "sta`),
		twiliotest.Raw(201, nil, `{"status": "queued"}`),
		twiliotest.TakeAs("teleported"),
		twiliotest.Raw(302, http.Header{"Location": {"http://127.0.0.1:1/"}}, text),
		twiliotest.Raw(307, http.Header{"Location": {"/2010-04-01/Accounts/" + account + "/Messages.json"}}, text),
	} {
		t.Run(behaviour.String(), func(t *testing.T) {
			sender, server := open(t, nil)
			server.Script(behaviour)
			name, err := sender.Send(t.Context(), message())
			if _, again := sms.Retryable(err); !errors.Is(err, sms.ErrUnavailable) || !again || name != "" {
				t.Errorf("got %v, %v; want to try again", name, err)
			}
			if n := len(server.Requests()); n != 1 {
				t.Errorf("the text was sent %d times", n)
			}
			if redirect := strings.HasPrefix(behaviour.String(), "raw_30"); sms.Uncertain(err) == redirect {
				t.Errorf("uncertain: %v", sms.Uncertain(err))
			}
			silent(t, err)
		})
	}
}

// TestTwilioFailedAtOnce: Twilio can take a message and say in the same answer that it failed.
func TestTwilioFailedAtOnce(t *testing.T) {
	sender, server := open(t, nil)
	server.Script(twiliotest.TakeAs("failed"))
	if _, err := sender.Send(t.Context(), message()); !errors.Is(err, sms.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, sms.ErrUnavailable)
	}
}

// TestTwilioTimeout (issue 3 point 4): twilio-go takes no context; a hanging Twilio still costs no more than the deadline.
func TestTwilioTimeout(t *testing.T) {
	tests := []struct {
		name   string
		change func(*twilio.Config)
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		cause  error
	}{
		{"the caller's deadline", nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 80*time.Millisecond)
		}, context.DeadlineExceeded},
		{"the configured timeout", func(c *twilio.Config) { c.Timeout = 80 * time.Millisecond }, context.WithCancel, context.DeadlineExceeded},
		{"the caller cancels", nil, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(80*time.Millisecond, cancel)
			return ctx, cancel
		}, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sender, server := open(t, tt.change)
			server.Script(twiliotest.Hang())
			ctx, cancel := tt.ctx(t.Context())
			defer cancel()

			_, err := sender.Send(ctx, message())
			if _, again := sms.Retryable(err); !errors.Is(err, sms.ErrUnavailable) || !errors.Is(err, tt.cause) || !again || !sms.Uncertain(err) {
				t.Errorf("got %v (%v), want unavailable because of %v", err, errors.Unwrap(err), tt.cause)
			}
			silent(t, err)
			testkit.Eventually(t, testkit.Patience, func() (bool, string) { return server.GaveUp() > 0, "the request wasn't cancelled at Twilio's end" })
		})
	}
}

// TestTwilioUnreachable: nobody listens.
func TestTwilioUnreachable(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	sender, _ := open(t, func(c *twilio.Config) { c.BaseURL = closed.URL })
	_, err := sender.Send(t.Context(), message())
	if !errors.Is(err, sms.ErrUnavailable) || sms.Uncertain(err) {
		t.Errorf("got %v, uncertain %v; want %v, and certain that no text went", err, sms.Uncertain(err), sms.ErrUnavailable)
	}
	silent(t, err)
}

// TestTwilioCredentials: a wrong token is Twilio's 401, and our operator's work, not the number's fault.
func TestTwilioCredentials(t *testing.T) {
	sender, server := open(t, func(c *twilio.Config) { c.AuthToken = secret.NewString(strings.Repeat("0", 32)) })
	_, err := sender.Send(t.Context(), message())
	var provider *twilio.ProviderError
	if !errors.Is(err, sms.ErrUnavailable) || !errors.As(err, &provider) || provider.Code != 20003 {
		t.Errorf("got %v (%v)", err, errors.Unwrap(err))
	}
	if n := len(server.Requests()); n != 0 {
		t.Errorf("%d requests passed with a wrong token", n)
	}
}

// TestTwilioIgnoresItsEnvironment: TWILIO_REGION and TWILIO_EDGE, which twilio-go reads by itself, don't move our requests.
func TestTwilioIgnoresItsEnvironment(t *testing.T) {
	t.Setenv("TWILIO_REGION", "au1")
	t.Setenv("TWILIO_EDGE", "sydney")
	sender, server := open(t, nil)
	if _, err := sender.Send(t.Context(), message()); err != nil || len(server.Messages()) != 1 {
		t.Errorf("got %v", err)
	}
}

// TestTwilioConcurrent: callers share one sender; each gets the receipt of its own message.
func TestTwilioConcurrent(t *testing.T) {
	sender, server := open(t, nil)
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			m := message()
			m.Body = secret.NewString(strings.Repeat("x", i+1))
			name, err := sender.Send(t.Context(), m)
			if err != nil {
				t.Error(err)
				return
			}
			if kept := server.Messages()[name]; kept.Body != m.Body.Reveal() {
				t.Errorf("the name is another message's")
			}
		})
	}
	group.Wait()
}

// TestMessageCheck: what no provider could send is refused before anybody is called.
func TestMessageCheck(t *testing.T) {
	tests := map[string]func(*sms.Message){
		"no id":          func(m *sms.Message) { m.ID = "" },
		"odd id":         func(m *sms.Message) { m.ID = "a b" },
		"no number":      func(m *sms.Message) { m.To = "" },
		"national":       func(m *sms.Message) { m.To = "600123456" },
		"another sender": func(m *sms.Message) { m.To = "whatsapp:+34600123456" },
		"too long":       func(m *sms.Message) { m.To = "+1234567890123456" },
		"empty text":     func(m *sms.Message) { m.Body = secret.String{} },
		"long text":      func(m *sms.Message) { m.Body = secret.NewString(strings.Repeat("ñ", sms.MaxBody+1)) },
		"broken text":    func(m *sms.Message) { m.Body = secret.NewString("\xff") },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			sender, server := open(t, nil)
			m := message()
			spoil(&m)
			_, err := sender.Send(t.Context(), m)
			if !errors.Is(err, sms.ErrUndeliverable) || fault.From(err).Code != fault.CodeSMSUndeliverable {
				t.Errorf("got %v, want %v", err, sms.ErrUndeliverable)
			}
			if len(server.Requests()) != 0 {
				t.Error("Twilio was asked")
			}
			silent(t, err)
		})
	}
	sender, _ := open(t, nil)
	m := message()
	m.Body = secret.NewString(strings.Repeat("ñ", sms.MaxBody))
	if _, err := sender.Send(t.Context(), m); err != nil {
		t.Errorf("a text of %d characters: %v", sms.MaxBody, err)
	}
}

// TestTwilioConfig: every error at once, each with its field, none with a value.
func TestTwilioConfig(t *testing.T) {
	good := twilio.Config{AccountSID: account, AuthToken: secret.NewString(token), From: from}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		spoil func(*twilio.Config)
		field string
	}{
		"account":       {func(c *twilio.Config) { c.AccountSID = "SK1" }, "account_sid:"},
		"token":         {func(c *twilio.Config) { c.AuthToken = secret.NewString("hunter2 hunter2") }, "auth_token:"},
		"no sender":     {func(c *twilio.Config) { c.From = "" }, "from:"},
		"two senders":   {func(c *twilio.Config) { c.MessagingServiceSID = service }, "from:"},
		"odd sender":    {func(c *twilio.Config) { c.From = "Centinela" }, "from:"},
		"odd service":   {func(c *twilio.Config) { c.From, c.MessagingServiceSID = "", "MG1" }, "messaging_service_sid:"},
		"callback":      {func(c *twilio.Config) { c.StatusCallbackURL = "/status" }, "status_callback_url:"},
		"base path":     {func(c *twilio.Config) { c.BaseURL = "https://api.twilio.com/v2" }, "base_url:"},
		"base scheme":   {func(c *twilio.Config) { c.BaseURL = "ftp://api.twilio.com" }, "base_url:"},
		"negative time": {func(c *twilio.Config) { c.Timeout = -1 }, "timeout:"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := good
			tt.spoil(&c)
			_, err := twilio.New(c)
			if err == nil || !strings.HasPrefix(err.Error(), tt.field) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %s...", err, tt.field)
			}
		})
	}
	err := twilio.Config{}.Validate()
	if n := strings.Count(err.Error(), "\n"); n != 2 {
		t.Errorf("an empty config has %d errors, want 3: %v", n+1, err)
	}
}
