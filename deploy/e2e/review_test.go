package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"centinela/openapi/gen/gatewayclient"
	"centinela/openapi/sdk"
)

// V19, design "The engine": an operator reads from the stores, beside the suite that
// runs, why a recovery was decided as it was, and tries another policy on it.
func TestV19DecisionsAreExplainedAndReplayed(t *testing.T) {
	for _, on := range engines {
		t.Run(string(on), func(t *testing.T) {
			s := start(t, together, on)
			client, err := sdk.New(s.URL, sdk.WithDevAddress(randomAddress(t)))
			if err != nil {
				t.Fatal(err)
			}
			defer client.CloseIdle()
			user := "p" + randomHex(t, 8)
			account, err := client.SignUp(t.Context(), user, password, "es")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.SignIn(t.Context(), user, password); err != nil { // its device is known from here on
				t.Fatal(err)
			}
			if _, err := client.Dev().Advance(t.Context(), 31*24*time.Hour); err != nil { // a code and a device count once nothing changed for 30 days
				t.Fatal(err)
			}
			recovery, _, err := client.StartRecovery(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := recovery.Evidence(t.Context(), gatewayclient.EvidenceMethodSavedCode, account.SavedCodes[0]); err != nil {
				t.Fatal(err)
			}
			says := func(code int, want string, args ...string) string {
				t.Helper()
				out, got := s.command(append([]string{"recovery"}, args...)...)
				if got != code || !strings.Contains(out, want) {
					t.Errorf("%v: exit code %d: %s", args, got, out)
				}
				return out
			}
			if out := says(0, "(W-code-and-device-untold)", "explain", recovery.ID, "--locale", "es"); strings.Contains(out, account.SavedCodes[0]) || !strings.Contains(out, "evidence: saved_code") {
				t.Errorf("%s", out)
			}
			says(1, `no recovery "rec_nobody" is kept here`, "explain", "rec_nobody")

			policy := says(0, "W-oldest-live-second-calm", "policy", "print")
			file := filepath.Join(t.TempDir(), "policy.yaml")
			write := func(text string) {
				t.Helper()
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write(strings.ReplaceAll(policy, "then: 336h", "then: 400h"))
			says(0, "every one of 1323 situations", "policy", "check", file)
			says(0, "0 the same, 0 sooner, 1 later", "replay", "--policy", file)
			// RC H: what is below a floor is refused by its row, and decides nothing.
			write(strings.ReplaceAll(policy, "then: 336h", "then: 0s"))
			says(2, "rows.W-code-and-device-untold: must be at least 336h0m0s", "policy", "check", file)
			says(2, "rows.W-code-and-device-untold: must be at least 336h0m0s", "replay", recovery.ID, "--policy", file)
			says(2, "rows.W-only-alone: must be at least 336h0m0s", "policy", "check", "--set", "recovery.policy_file="+file)
		})
	}
}
