package record

import (
	"os"
	"strings"
	"testing"
)

// Design audit: events are OCSF-shaped, so every action has a class.
func TestClassUID(t *testing.T) {
	tests := map[string]int{
		SessionCreated: 3002, SessionRefused: 3002, SavedCodeUsed: 3002,
		PasswordChanged: 3001, PhoneRemoved: 3001, RecoveryCompleted: 3001,
		ChatActivity: 6003, AuditRead: 6003,
		FirewallVerdictAdded: 2004, SessionRefreshReused: 2004, AuditGap: 2004,
		"made.up": 0, "": 0,
	}
	for action, want := range tests {
		if got := ClassUID(action); got != want {
			t.Errorf("%q is %d, not %d", action, got, want)
		}
	}
	for _, action := range Actions() {
		switch ClassUID(action) {
		case 3001, 3002, 6003, 2004:
		default:
			t.Errorf("%q has the class %d", action, ClassUID(action))
		}
	}
}

// KB D2, CA A8: what a person does often doesn't stand between her and what she must see.
func TestClassOf(t *testing.T) {
	for action, want := range map[string]Class{
		SessionCreated: Security, SessionRefused: Security, PasswordChanged: Security, RecoveryVetoed: Security, AuditRead: Security,
		ChatProtocolViolation: Security, ChatRefused: Security, GatewayRequestRefused: Security,
		ChatActivity: Activity, ChatConnected: Activity, ChatDisconnected: Activity, ChatConversationCreated: Activity, SessionRefreshed: Activity,
		GatewayRateLimited: Telemetry,
	} {
		if got := ClassOf(action); got != want {
			t.Errorf("%s is %s, not %s", action, got, want)
		}
	}
	for _, list := range [][]string{activity, telemetry} {
		for _, action := range list {
			if !Known(action) {
				t.Errorf("%q is not in the list", action)
			}
		}
	}
}

// Every constant of actions.go is in the list: one that is not would be refused
// only when the event happens.
func TestActionsListIsWhole(t *testing.T) {
	source, err := os.ReadFile("actions.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	for line := range strings.Lines(string(source)) {
		_, rest, ok := strings.Cut(line, `= "`)
		action, _, _ := strings.Cut(rest, `"`)
		if !ok || !strings.Contains(action, ".") {
			continue
		}
		constants++
		if !Known(action) {
			t.Errorf("%q is not in the list", action)
		}
	}
	if constants != len(Actions()) {
		t.Errorf("%d constants, %d in the list", constants, len(Actions()))
	}
}
