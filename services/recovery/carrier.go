package recovery

import (
	"errors"
	"fmt"

	"centinela/services/recovery/internal/post"
	"centinela/shared/module"
	"centinela/shared/sms"
	"centinela/shared/sms/twilio"
)

// carrier is who sends texts, and the routes that go with it: nil ones don't exist.
type carrier struct {
	sender          sms.Sender
	inbox           post.Inbox
	inbound, status *twilio.Webhook
}

func newCarrier(cfg SMSConfig, deps module.Deps, inbox post.Inbox) (c carrier, err error) {
	if cfg.Provider != Twilio {
		if !deps.Development {
			return c, errors.New("recovery.sms.provider: the simulator is for development only: set twilio")
		}
		return carrier{sender: sms.NewSimulator(inbox, deps.Clock), inbox: inbox}, nil
	}
	account, err := cfg.Twilio.sender()
	if err != nil {
		return c, fmt.Errorf("recovery.sms.twilio.auth_token_file: %w", err)
	}
	if c.inbound, err = twilio.NewWebhook(account.AccountSID, account.AuthToken, cfg.Twilio.WebhookBase+inboundPath); err != nil {
		return c, err
	}
	if c.status, err = twilio.NewWebhook(account.AccountSID, account.AuthToken, cfg.Twilio.WebhookBase+statusPath); err != nil {
		return c, err
	}
	c.sender, err = twilio.New(account)
	return c, err
}
