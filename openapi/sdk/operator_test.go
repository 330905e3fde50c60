package sdk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"centinela/shared/secret"
	"centinela/shared/svcauth"
)

// TestOperatorToken: what the SDK signs is what the services verify (shared/svcauth), as operator, for audit only.
func TestOperatorToken(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "operator.key")
	if _, err := secret.LoadSigner(file, true); err != nil {
		t.Fatal(err)
	}
	f := newFake(t, func(c call) (int, any) {
		if c.method == "DELETE" {
			return 204, nil
		}
		verdict := map[string]any{"id": "vrd_1", "subjects": []any{map[string]any{"kind": "ip", "value": "203.0.113.7"}}}
		if c.method == "POST" {
			return 201, verdict
		}
		return 200, map[string]any{"verdicts": []any{verdict}}
	})
	op, err := f.client().Operator(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := op.AddVerdict(t.Context(), NewVerdict{Subjects: []Subject{{Kind: "ip", Value: "203.0.113.7"}}, Action: "refuse", Reason: "test"})
	if err != nil || v.Id != "vrd_1" {
		t.Fatal(v, err)
	}
	for v, err := range op.Verdicts(t.Context()) {
		if err != nil || v.Id != "vrd_1" {
			t.Fatal(v, err)
		}
	}
	if err := op.RemoveVerdict(t.Context(), "vrd_1"); err != nil {
		t.Fatal(err)
	}
	calls := f.said()
	if len(calls) != 3 || calls[0].method != "POST" || calls[0].path != "/v1/operator/verdicts" || calls[2].path != "/v1/operator/verdicts/vrd_1" {
		t.Errorf("calls %v", calls)
	}
	for _, c := range calls {
		scheme, token, _ := strings.Cut(c.header.Get("Authorization"), " ")
		caller, err := svcauth.NewVerifier("audit", svcauth.DirKeyring(dir)).Verify(token)
		if scheme != "Operator" || caller != "operator" || err != nil {
			t.Errorf("%s %s: %v", scheme, caller, err)
		}
		if _, err := svcauth.NewVerifier("auth", svcauth.DirKeyring(dir)).Verify(token); err == nil {
			t.Error("auth took a token that was made for audit")
		}
	}
}

// TestOperatorKey: what is no key file is an error that names it.
func TestOperatorKey(t *testing.T) {
	c := newFake(t, nil).client()
	dir := t.TempDir()
	files := map[string]string{"text": "no pem", "public": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "broken": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"missing", "text", "public", "broken"} {
		if _, err := c.Operator(filepath.Join(dir, name)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
