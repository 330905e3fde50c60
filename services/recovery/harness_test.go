package recovery_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/recoveryapi"
	"centinela/services/recovery"
	"centinela/services/recovery/internal/post"
	"centinela/shared/access"
	"centinela/shared/httpkit"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

const (
	day       = 24 * time.Hour
	ana       = "acc_aaaaaaaaaaaaaaaaaaaaaaaa"
	session   = "ses_aaaaaaaaaaaaaaaaaaaaaaaa"
	first     = "+51987654321"
	second    = "+34600123456"
	device    = "a-device-key-of-at-least-32-characters"
	password  = "pelican orbit mustard 42 lantern"
	savedCode = "K7QM-2F9X-WB4T-Z6HR"
)

// world is the module behind HTTP, and its fake peers.
type world struct {
	*moduletest.World
	auth    *fakeAuth
	audit   *fakeAudit
	module  *recovery.Module
	address string
	still   bool
}

type options struct {
	config func(*recovery.Config)
	store  func(testing.TB) module.Store
	build  func(context.Context, recovery.Config, module.Deps) (*recovery.Module, error)
	fresh  time.Duration // how old a sign-in may be; 10 minutes
	still  bool          // nothing happens in the background: the store changes by calls alone, and texts are sent when they are read
}

// still is a module without what changes the store by itself.
type still struct{ *recovery.Module }

func (m still) Run(ctx context.Context) error { return m.RunStill(ctx) }

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{address: moduletest.Address, still: o.still}
	cfg := recovery.DefaultConfig()
	cfg.Budget.StartsPerAddress = 1000
	cfg.AnswerAfter = time.Millisecond // TestV15Pace looks at the time
	if o.config != nil {
		o.config(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	if o.store == nil {
		o.store = moduletest.OnSQLite
	}
	if o.build == nil {
		o.build = recovery.New
	}
	w.World = moduletest.Start(t, moduletest.Options{
		Service: module.Recovery, Spec: recoveryapi.Spec, Store: o.store(t),
		Peers: func(i *moduletest.Issuers) map[string]string {
			w.auth, w.audit = newFakeAuth(i), newFakeAudit(i)
			return map[string]string{module.Auth: w.auth.url, module.Audit: w.audit.url}
		},
		Deps: func(d *module.Deps) { d.FreshSignIn = cmp.Or(o.fresh, 10*time.Minute) },
		Build: func(ctx context.Context, deps module.Deps) (_ module.Module, err error) {
			if w.module, err = o.build(ctx, cfg, deps); o.still && err == nil {
				return still{w.module}, nil
			}
			return w.module, err
		},
	})
	return w
}

// in is the same world for a subtest.
func (w *world) in(t *testing.T) *world {
	other := *w
	other.World = w.In(t)
	return &other
}

// answer is short for what is written so often here.
type answer = moduletest.Answer

// into reads an answer into v.
func into(a answer, v any) {
	if err := json.Unmarshal([]byte(a.Body), v); err != nil {
		panic(err)
	}
}

// call asks the module as the gateway does; authorization may be empty.
func (w *world) call(method, path, authorization string, body any) answer {
	w.T.Helper()
	return w.as("gateway", method, path, authorization, body)
}

func (w *world) as(service, method, path, authorization string, body any) answer {
	w.T.Helper()
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			w.T.Fatal(err)
		}
		text = string(raw)
	}
	req, err := http.NewRequestWithContext(w.T.Context(), method, w.URL+path, strings.NewReader(text))
	if err != nil {
		w.T.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return w.send(req, service, authorization)
}

// send sends a request that is made by hand, from the address of the moment.
func (w *world) send(req *http.Request, service, authorization string) answer {
	w.T.Helper()
	if err := w.Identify(req, service, authorization); err != nil {
		w.T.Fatal(err)
	}
	req.Header.Set(httpkit.HeaderClientAddress, w.address)
	got, err := moduletest.Send(req)
	if err != nil {
		w.T.Error(err)
	}
	return got
}

// want fails unless the status and, for problems, the code are as said.
func (w *world) want(a answer, status int, code string) answer {
	w.T.Helper()
	if a.Status != status || (status >= 400 && a.Field("code") != code) {
		w.T.Fatalf("got %d %s, want %d %s", a.Status, a.Body, status, code)
	}
	return a
}

// signedIn is the header of a person who signed in just now.
func (w *world) signedIn(account string) string { return "Bearer " + w.People.Token(account, session) }

func (w *world) signedInAgo(account string, ago time.Duration) string {
	now := w.Clock.Now()
	return "Bearer " + w.People.Issue(access.Claims{
		Account: account, Session: session, AuthTime: now.Add(-ago), IssuedAt: now, ExpiresAt: now.Add(10 * time.Minute),
	})
}

var codePattern = regexp.MustCompile(`@localhost #(\d{8})`)

type simulated struct {
	ID, To, Body string
	At           time.Time
}

// texts are what a number got, newest first.
func (w *world) texts(number string) []simulated {
	w.T.Helper()
	if w.still {
		if err := w.module.SendDue(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
	}
	var list struct{ Texts []simulated }
	into(w.want(w.call("GET", "/dev/phone?number="+strings.ReplaceAll(number, "+", "%2B"), "", nil), 200, ""), &list)
	return list.Texts
}

// text waits for a text to number that was sent now and has that in it.
func (w *world) text(number, part string) string {
	w.T.Helper()
	found := ""
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		for _, text := range w.texts(number) {
			if strings.Contains(text.Body, part) && text.At.Equal(w.Clock.Now()) {
				found = text.Body
				return true, ""
			}
		}
		return false, "no text to " + number + " with " + part
	})
	return found
}

// code waits for a code that was sent to number now.
func (w *world) code(number string) string {
	w.T.Helper()
	return codePattern.FindStringSubmatch(w.text(number, "@localhost #"))[1]
}

// announced waits until n announcements of waits are known to be with the provider.
func (w *world) announced(n int) {
	w.T.Helper()
	testkit.Eventually(w.T, testkit.Patience, func() (bool, string) {
		got := w.audit.sent(string(post.Announcement))
		return got == n, fmt.Sprintf("%d announcements, want %d", got, n)
	})
}

// prove adds and verifies a number; it returns its id.
func (w *world) prove(account, number string) string {
	w.T.Helper()
	id := w.want(w.call("POST", "/v1/me/phones", w.signedIn(account), map[string]string{"number": number}), 201, "").Field("id")
	w.want(w.call("POST", "/v1/me/phones/"+id+"/verification", w.signedIn(account), map[string]string{"code": w.code(number)}), 200, "")
	return id
}

// proveAgain keeps a number live.
func (w *world) proveAgain(account, phone, number string) {
	w.T.Helper()
	w.want(w.call("POST", "/v1/me/phones/"+phone+"/codes", w.signedIn(account), nil), 202, "")
	w.want(w.call("POST", "/v1/me/phones/"+phone+"/verification", w.signedIn(account), map[string]string{"code": w.code(number)}), 200, "")
}

// claim is a recovery from its claimant's side.
type claim struct {
	w          *world
	id, secret string
}

func (w *world) start(identifier, deviceKey string) claim {
	w.T.Helper()
	body := map[string]any{"identifier": identifier}
	if deviceKey != "" {
		body["device"] = map[string]string{"key": deviceKey}
	}
	return w.begun(w.want(w.call("POST", "/v1/recoveries", "", body), 202, ""))
}

// begun is the claim that an answer began.
func (w *world) begun(a answer) claim {
	var started struct {
		Recovery struct{ ID string }
		Secret   string
	}
	into(a, &started)
	return claim{w, started.Recovery.ID, started.Secret}
}

func (c claim) call(method, path string, body any) answer {
	c.w.T.Helper()
	return c.w.call(method, "/v1/recoveries/"+c.id+path, "Recovery "+c.secret, body)
}

func (c claim) evidence(method, code string) answer {
	c.w.T.Helper()
	return c.call("POST", "/evidence", map[string]string{"method": method, "code": code})
}

// bySMS asks for a code and brings it.
func (c claim) bySMS(number string) answer {
	c.w.T.Helper()
	c.w.want(c.call("POST", "/codes", map[string]string{}), 202, "")
	return c.evidence("sms", c.w.code(number))
}

func (c claim) complete() answer {
	c.w.T.Helper()
	return c.call("POST", "/completion", map[string]string{"new_password": password})
}
