package auth_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/authclient"
	"centinela/services/auth"
	"centinela/shared/module/moduletest"
	"centinela/shared/record"
	"centinela/shared/testkit"
)

// R4.1, design auth.md, "Never": no secret in a log, an event, an error or a metric, and none in clear at rest. Every
// operation that takes or gives one is played, with success and with each kind of refusal.
func TestR41_SecretsStayInside(t *testing.T) {
	w := newWorld(t, cheapConfig(), moduletest.OnSQLite(t), auth.New)
	var said strings.Builder // what refusals answer
	refused := func(service, token, method, path, body string) {
		t.Helper()
		got := w.do(service, token, method, path, body)
		if got.Status < 400 {
			t.Errorf("%s %s: %d, not refused", method, path, got.Status)
		}
		fmt.Fprintln(&said, got.Body, got.Header)
	}
	ana := w.person("ana")
	refreshed := w.refresh(ana.tokens)
	const (
		wrong  = "marmalade 55 quartz willow fog"
		recent = "harbor kettle 93 zebra quilt"
		device = "another-device-key-of-32-characters-99"
		code   = "ZZZZ-ZZZZ-ZZZZ-ZZZZ"
	)
	signIn := "/v1/sessions"
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"ana","password":"`+wrong+`","device":{"key":"`+device+`"}}`)
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"nobody","password":"`+wrong+`"}`)
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"`+wrong+`","password":"`+wrong+`"}`) // typed into the wrong field
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"ana","password":"`+wrong+`","x":1}`)
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"ana","password":"`+wrong)
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"ana","password":["`+wrong+`"]}`)
	refused("gateway", "", http.MethodPost, signIn, `{"identifier":"ana","password":"x","device":{"key":"`+wrong+`"}}`)
	refused("gateway", "", http.MethodPost, "/v1/accounts", `{"user_name":"ana","password":"`+recent+`"}`)
	refused("gateway", "", http.MethodPost, "/v1/accounts", `{"user_name":"`+wrong+`","password":"`+recent+`"}`)
	refused("gateway", "", http.MethodPost, "/v1/accounts", `{"user_name":"marmalade","password":"`+wrong+`"}`)
	refused("gateway", refreshed.AccessToken, http.MethodPut, "/v1/me/password", `{"current_password":"`+wrong+`","new_password":"`+otherPassword+`"}`)
	refused("gateway", refreshed.RefreshToken, http.MethodGet, "/v1/me", "")
	refused("gateway", refreshed.AccessToken+"x", http.MethodGet, "/v1/me", "")
	refused("audit", refreshed.AccessToken, http.MethodGet, "/v1/me", "")
	refused("", refreshed.AccessToken, http.MethodGet, "/v1/me", "")
	redemption := "/internal/accounts/" + ana.tokens.AccountId + "/saved-codes/redemption"
	refused("recovery", "", http.MethodPost, redemption, `{"code":"`+code+`","redemption_id":"r0"}`)
	if got := w.do("recovery", "", http.MethodPost, redemption, `{"code":"`+ana.account.SavedCodes[0]+`","redemption_id":"r1"}`); got.Status != 204 {
		t.Fatalf("redeem: %d", got.Status)
	}
	refused("recovery", "", http.MethodPost, redemption, `{"code":"`+ana.account.SavedCodes[0]+`","redemption_id":"r2"}`)
	refused("gateway", "", http.MethodPost, "/v1/sessions/refresh", `{"refresh_token":"`+ana.tokens.RefreshToken+`"}`) // reuse
	refused("gateway", "", http.MethodPost, "/v1/sessions/refresh", `{"refresh_token":"`+refreshed.RefreshToken+`"}`)  // revoked
	again := w.signIn("ana", goodPassword)
	if got := w.do("gateway", again.AccessToken, http.MethodPut, "/v1/me/password", `{"current_password":"`+goodPassword+`","new_password":"`+otherPassword+`"}`); got.Status != 204 {
		t.Fatalf("change: %d %s", got.Status, got.Body)
	}
	issued := w.do("gateway", again.AccessToken, http.MethodPost, "/v1/me/saved-codes", "")
	var fresh authclient.SavedCodes
	if err := json.Unmarshal([]byte(issued.Body), &fresh); err != nil || len(fresh.SavedCodes) != 4 {
		t.Fatalf("codes: %v", err)
	}
	if got := w.do("recovery", "", http.MethodPost, "/internal/accounts/"+ana.tokens.AccountId+"/reset", `{"new_password":"`+recent+`","reset_id":"x1","security_version":3}`); got.Status != 204 {
		t.Fatalf("reset: %d %s", got.Status, got.Body)
	}
	testkit.Eventually(t, 10*time.Second, func() (bool, string) {
		return len(w.audit.of(record.SessionRefreshReused)) == 1 && len(w.audit.of(record.PasswordReset)) == 1, "the last event has not come"
	})

	service, err := w.Services.Signer("gateway").Token("auth")
	if err != nil {
		t.Fatal(err)
	}
	planted := map[string]string{
		"password": goodPassword, "wrong password": wrong, "changed password": otherPassword, "reset password": recent,
		"device key": deviceKey, "wrong device key": device, "wrong code": code, "service token": service,
		"access token": ana.tokens.AccessToken, "refreshed access token": refreshed.AccessToken,
		"refresh token": ana.tokens.RefreshToken, "second refresh token": refreshed.RefreshToken, "last refresh token": again.RefreshToken,
	}
	for i, c := range append(ana.account.SavedCodes, fresh.SavedCodes...) {
		planted[fmt.Sprintf("saved code %d", i)] = c
		planted[fmt.Sprintf("saved code %d, folded", i)] = strings.ReplaceAll(c, "-", "")
	}
	for _, name := range []string{"auth-signing.key", "auth-pepper.key"} {
		text := readFile(t, filepath.Join(w.KeyDir, name))
		lines := strings.Split(strings.TrimSpace(text), "\n")
		planted[name] = lines[len(lines)/2] // the key itself, also within PEM
	}
	atRest := ""
	for _, suffix := range []string{"", "-wal"} {
		atRest += readFile(t, filepath.Join(w.Store.Dir, "auth.db"+suffix))
	}
	places := map[string]string{
		"the log": w.Log.String(), "the events": w.audit.text(), "the refusals": said.String(), "the metrics": w.metrics(), "the store": atRest,
	}
	for place, text := range places {
		if len(text) < 200 {
			t.Errorf("%s holds %d bytes: nothing was looked through", place, len(text))
		}
		for name, secret := range planted {
			if strings.Contains(text, secret) {
				t.Errorf("the %s is in %s", name, place)
			}
		}
		if place != "the store" && strings.Contains(text, "argon2id") {
			t.Errorf("a hash is in %s", place)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
