package recovery_test

import (
	"strings"
	"testing"

	"centinela/services/recovery"
)

// TestConfig: every error at once, each with its path.
func TestConfig(t *testing.T) {
	if err := recovery.DefaultConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	bad := recovery.DefaultConfig()
	bad.PolicyFile, bad.OriginHost, bad.PublicURL = "/nonexistent", "a b", "ftp://x/"
	bad.Budget.StartsPerAddress, bad.Budget.StartsPerAccount, bad.AnswerAfter = 0, 0, 0
	bad.SMS.Provider = recovery.Twilio
	err := bad.Validate()
	for _, path := range []string{"policy_file", "origin_host", "public_url", "answer_after", "budget.starts_per_address", "budget.starts_per_account", "sms.twilio.webhook_base", "sms.twilio.auth_token_file"} {
		if err == nil || !strings.Contains(err.Error(), "recovery."+path+": ") {
			t.Errorf("no error for %s: %v", path, err)
		}
	}
}

// TestProductionRefusesTheSimulator: it shows every code to everybody.
func TestProductionRefusesTheSimulator(t *testing.T) {
	err := recovery.DefaultConfig().ValidateProduction()
	if err == nil || !strings.Contains(err.Error(), "recovery.sms.provider: ") || !strings.Contains(err.Error(), "twilio") {
		t.Errorf("%v", err)
	}
	good := recovery.DefaultConfig()
	good.SMS.Provider, good.PublicURL, good.OriginHost = recovery.Twilio, "https://centinela.example", "centinela.example"
	good.SMS.Twilio.WebhookBase = "https://centinela.example"
	if err := good.ValidateProduction(); err != nil {
		t.Error(err)
	}
	// In clear, numbers, codes and Twilio's token are anybody's.
	open := good
	open.SMS.Twilio.WebhookBase, open.SMS.Twilio.BaseURL, open.PublicURL, open.OriginHost = "http://centinela.example", "http://api.example", "http://centinela.example", "localhost"
	err = open.ValidateProduction()
	for _, path := range []string{"sms.twilio.webhook_base", "sms.twilio.base_url", "public_url", "origin_host"} {
		if err == nil || !strings.Contains(err.Error(), "recovery."+path+": ") {
			t.Errorf("no error for %s: %v", path, err)
		}
	}
}
