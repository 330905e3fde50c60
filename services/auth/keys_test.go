package auth_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"centinela/services/auth"
	"centinela/shared/access"
	"centinela/shared/httpkit/httpkittest"
	"centinela/shared/module"
	"centinela/shared/module/moduletest"
	"centinela/shared/obs"
	"centinela/shared/secret"
)

// design auth.md, "keys with rotation: next, current, retired": no token fails while the key is exchanged, and none of
// the retired one works when it is gone.
func TestKeyRotation(t *testing.T) {
	dir, store := t.TempDir(), moduletest.OnSQLite(t)
	start := func() *world {
		return newWorld(t, cheapConfig(), store, func(ctx context.Context, cfg auth.Config, deps module.Deps) (*auth.Module, error) {
			deps.KeyDir = dir
			return auth.New(ctx, cfg, deps)
		})
	}
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	me := func(w *world, token string) string {
		t.Helper()
		return w.do("gateway", token, http.MethodGet, "/v1/me", "").Code()
	}
	for _, key := range auth.Keys() {
		if err := key.Load(dir, true); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := secret.LoadSigner(filepath.Join(dir, "auth-signing-next.key"), true); err != nil {
		t.Fatal(err)
	}
	first := start()
	ana := first.person("ana")
	published := access.HTTPKeys(first.Services.Client("chat-relay", "auth", first.URL), func() string { return first.URL + "/.well-known/jwks.json" })
	peer := access.NewVerifier(published, nil, first.Clock) // asks once, and never after the key was exchanged
	if _, err := peer.Verify(t.Context(), ana.tokens.AccessToken); err != nil {
		t.Fatal(err)
	}

	move("auth-signing.pub", "auth-signing-retired.pub")
	move("auth-signing-next.key", "auth-signing.key")
	move("auth-signing-next.pub", "auth-signing.pub")
	second := start()
	if code := me(second, ana.tokens.AccessToken); code != "" {
		t.Errorf("a token of the retired key: %s", code)
	}
	fresh := second.signIn("ana", goodPassword)
	if _, err := peer.Verify(t.Context(), fresh.AccessToken); err != nil {
		t.Errorf("a peer that knew the next key before: %v", err)
	}

	if err := os.Remove(filepath.Join(dir, "auth-signing-retired.pub")); err != nil {
		t.Fatal(err)
	}
	third := start()
	if code := me(third, ana.tokens.AccessToken); code != "token_invalid" {
		t.Errorf("a token of a key that is gone: %q", code)
	}
	if code := me(third, fresh.AccessToken); code != "" {
		t.Errorf("a token of the current key: %s", code)
	}
}

// A key file that can't be read is a one-line error that names it, at the start.
func TestDamagedKeys(t *testing.T) {
	for _, name := range []string{"auth-signing.key", "auth-pepper.key", "auth-signing-next.pub", "auth-signing-retired.pub"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), []byte("not a key, but hush"), 0o600); err != nil {
				t.Fatal(err)
			}
			services := httpkittest.NewServices(t)
			_, err := auth.New(t.Context(), cheapConfig(), module.Deps{
				Service: module.Auth, Registry: obs.NewRegistry("auth"), Signer: services.Signer("auth"), Keyring: services,
				Store: moduletest.OnSQLite(t), Development: true, KeyDir: dir,
			})
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hush") {
				t.Errorf("error %v", err)
			}
		})
	}
}
