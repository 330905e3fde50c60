package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"centinela/openapi/sdk"
	"centinela/shared/httpkit"
	"centinela/shared/secret"
	"centinela/shared/svcauth"
	"centinela/shared/testkit"
)

// soon is what tells "within a second" from "when the token ends" (10 minutes) on a machine that is busy with other
// tests; how long it took is logged.
const soon = settleTime

// AG D2: revocation doesn't depend on audit. With audit away, whoever is put out by a change of the password is refused by
// every service, each by itself, and by the gateway; the open socket ends; and no phone is added. AG D1: that the operator
// allows his address changes nothing in it.
func TestRevocationWithoutAudit(t *testing.T) {
	for _, top := range topologies {
		for _, eng := range engines {
			t.Run(string(top)+"/"+string(eng), func(t *testing.T) {
				internal := map[string]string{}
				door := newDoor(t)
				var settings []string
				if top == together { // audit can't be killed alone: the way to it is cut
					for _, part := range []string{"audit", "auth", "recovery", "chat-relay"} {
						internal[part] = freePort(t)
						settings = append(settings, "services."+strings.ReplaceAll(part, "-", "_")+".listen="+internal[part])
					}
					door.to = internal["audit"]
					settings = append(settings, "services.audit.url=http://"+door.address)
				}
				s := start(t, top, eng, settings...)
				withoutAudit(t, s, internal, func() {
					if top == together {
						door.shut()
					} else {
						s.kill("audit")
					}
				})
			})
		}
	}
}

func withoutAudit(t *testing.T, s *world, internal map[string]string, lose func()) {
	ctx := t.Context()
	ana := s.join(ctx)
	address := randomAddress(t)
	thief := map[string]string{
		"Authorization": "Bearer " + ana.session.Tokens().Access, "Content-Type": "application/json",
		"X-Dev-Address": address, httpkit.HeaderClientAddress: address, // the gateway takes the one, a service the other
	}
	allow(t, s, ana, address)
	own, err := ana.client.SignIn(ctx, ana.name, password)
	if err != nil {
		t.Fatal(err)
	}
	owner := map[string]string{"Authorization": "Bearer " + own.Tokens().Access, "Content-Type": "application/json"}
	socket := s.greetedFrom(t, ana, address)
	for part, path := range ownPages {
		for who, header := range map[string]map[string]string{"thief": thief, "owner": owner} {
			if a := s.call(t, "GET", path, "", header); a.status != 200 {
				t.Fatalf("%s, %s before: %d %s", part, who, a.status, a.body)
			}
		}
	}

	lose()
	change := fmt.Sprintf(`{"current_password":%q,"new_password":"granite kettle 19 violet sparrow"}`, password)
	if a := s.call(t, "PUT", "/v1/me/password", change, owner); a.status != 204 {
		t.Fatalf("change of the password: %d %s", a.status, a.body)
	}
	changed := time.Now()
	// Each service by itself, as the gateway would ask it: its own refusal, not the gateway's.
	for part, path := range ownPages {
		address := internal[part]
		if address == "" {
			address = s.Address(part)
		}
		if part == "audit" && s.topology == apart {
			continue // it is dead
		}
		testkit.Eventually(t, soon, func() (bool, string) {
			a := s.asGateway(t, address, part, path, thief)
			return a.status == 401 && strings.Contains(a.body, "session_revoked"), fmt.Sprintf("%s answers %d %s", part, a.status, a.body)
		})
	}
	testkit.Eventually(t, soon, func() (bool, string) {
		a := s.call(t, "GET", "/v1/conversations", "", thief)
		return a.status == 401 && strings.Contains(a.body, "session_revoked"), fmt.Sprintf("the gateway answers %d %s", a.status, a.body)
	})
	t.Logf("refused everywhere after %s", time.Since(changed))
	closedWith(t, socket, 3003)
	if _, resp, err := s.dial(thief); err == nil || resp == nil || resp.StatusCode != 401 {
		t.Errorf("a new socket: %v", err)
	}
	add := fmt.Sprintf(`{"number":%q}`, randomMobile(t))
	if a := s.call(t, "POST", "/v1/me/phones", add, thief); a.status != 401 {
		t.Errorf("a phone: %d %s", a.status, a.body)
	}
	if a := s.call(t, "GET", "/v1/me/phones", "", owner); a.status != 200 || !strings.Contains(a.body, `"phones":[]`) {
		t.Errorf("the owner's phones: %d %s", a.status, a.body)
	}
	if a := s.call(t, "GET", "/v1/conversations", "", owner); a.status != 200 {
		t.Errorf("the owner's session: %d %s", a.status, a.body)
	}
}

// allow lets an address pass the firewall.
func allow(t *testing.T, s *world, who person, address string) {
	t.Helper()
	operator, err := who.client.Operator(s.operatorKey())
	if err != nil {
		t.Fatal(err)
	}
	hour := 3600
	_, err = operator.AddVerdict(t.Context(), sdk.NewVerdict{Subjects: []sdk.Subject{{Kind: "ip", Value: address}}, Action: "allow", TtlSeconds: &hour, Reason: "our office"})
	if err != nil {
		t.Fatal(err)
	}
}

// ownPages is a page of a person's own, by the service that gives it.
var ownPages = map[string]string{
	"auth": "/v1/me", "recovery": "/v1/me/phones", "chat-relay": "/v1/conversations", "audit": "/v1/me/activity",
}

// asGateway asks a service's internal listener with the gateway's key.
func (s *world) asGateway(t *testing.T, address, callee, path string, header map[string]string) answer {
	t.Helper()
	key, err := secret.LoadSigner(filepath.Join(s.Data, "keys", "gateway.key"), false)
	if err != nil {
		t.Fatal(err)
	}
	token, err := svcauth.NewSigner("gateway", key).Token(callee)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	req.Header.Set(httpkit.HeaderService, token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: string(text)}
}

// cuttable is a TCP proxy that can be shut: what is behind it is away for all who come through it.
type cuttable struct {
	address, to string
	listener    net.Listener

	mu    sync.Mutex
	conns []net.Conn
}

func newDoor(t *testing.T) *cuttable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &cuttable{address: l.Addr().String(), listener: l}
	t.Cleanup(d.shut)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", d.to)
			if err != nil {
				_ = in.Close() // nobody is behind it yet
				continue
			}
			d.mu.Lock()
			d.conns = append(d.conns, in, out)
			d.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return d
}

func (d *cuttable) shut() {
	_ = d.listener.Close() // again at the end of the test
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns {
		_ = c.Close() // most have ended
	}
}
