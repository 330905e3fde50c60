package recovery

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"centinela/services/recovery/internal/engine"
	"centinela/services/recovery/internal/limits"
	"centinela/services/recovery/internal/post"
	"centinela/shared/config"
	"centinela/shared/module"
	"centinela/shared/secret"
	"centinela/shared/sms"
	"centinela/shared/sms/twilio"
)

// SMS providers.
const (
	Simulator = "simulator" // development only: texts are shown at /dev/phone
	Twilio    = "twilio"
)

// Config is the part "recovery" of the configuration.
type Config struct {
	PolicyFile  string        `yaml:"policy_file" help:"waits and windows (YAML) instead of the shipped table; empty for that"`
	OriginHost  string        `yaml:"origin_host" help:"host in the last line of a code's text (@host #code), so that phones fill it in"`
	PublicURL   string        `yaml:"public_url" help:"where the links in texts lead to; empty, in development: where the gateway listens"`
	AnswerAfter time.Duration `yaml:"answer_after" help:"an answer about a recovery takes this, or a multiple of it, so that its time tells no account from none (V15); up to 5s"`
	Budget      limits.Config `yaml:"budget" help:"How many recoveries may be started."`
	SMS         SMSConfig     `yaml:"sms" help:"Who sends the texts."`
}

// SMSConfig says who sends the texts.
type SMSConfig struct {
	Provider string       `yaml:"provider" help:"simulator (development only: texts are shown at /dev/phone) or twilio"`
	Twilio   TwilioConfig `yaml:"twilio" help:"The account at Twilio."`
}

// TwilioConfig is the account at Twilio.
type TwilioConfig struct {
	AccountSID          string `yaml:"account_sid" help:"AC and 32 hexadecimal digits"`
	AuthTokenFile       string `yaml:"auth_token_file" help:"file with the account's auth token"`
	From                string `yaml:"from" help:"sender: this number (E.164), or"`
	MessagingServiceSID string `yaml:"messaging_service_sid" help:"this messaging service"`
	BaseURL             string `yaml:"base_url" help:"instead of https://api.twilio.com; empty for that"`
	WebhookBase         string `yaml:"webhook_base" help:"where Twilio reaches the gateway: https://…"`
}

// DefaultConfig is the config of a new installation.
func DefaultConfig() Config {
	return Config{
		OriginHost:  "localhost",
		AnswerAfter: 250 * time.Millisecond,
		Budget:      limits.Config{StartsPerAddress: 10, StartsPerAccount: 20},
		SMS:         SMSConfig{Provider: Simulator},
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// Validate returns every error at once, each with its path. It reads the policy
// and Twilio's token.
func (c Config) Validate() error {
	var errs config.Errors
	if _, err := c.policy(); err != nil {
		errs.AddErr("recovery.policy_file", err)
	}
	if !hostName.MatchString(c.OriginHost) {
		errs.Add("recovery.origin_host", "must be a host name")
	}
	if c.PublicURL != "" && !isBase(c.PublicURL) {
		errs.Add("recovery.public_url", "must be an http or https URL without a slash at the end")
	}
	if c.AnswerAfter <= 0 || c.AnswerAfter > 5*time.Second {
		errs.Add("recovery.answer_after", "must be > 0 and at most 5s")
	}
	if c.Budget.StartsPerAddress < 1 {
		errs.Add("recovery.budget.starts_per_address", "must be > 0")
	}
	if c.Budget.StartsPerAccount < 1 {
		errs.Add("recovery.budget.starts_per_account", "must be > 0")
	}
	switch c.SMS.Provider {
	case Simulator:
	case Twilio:
		if !isBase(c.SMS.Twilio.WebhookBase) {
			errs.Add("recovery.sms.twilio.webhook_base", "must be the public http or https URL of the gateway without a slash at the end")
		}
		if account, err := c.SMS.Twilio.sender(); err != nil {
			errs.AddErr("recovery.sms.twilio.auth_token_file", err)
		} else if err := account.Validate(); err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				errs.Add("recovery.sms.twilio", line)
			}
		}
	default:
		errs.Add("recovery.sms.provider", "must be simulator or twilio")
	}
	return errs.Err()
}

// ValidateProduction refuses what only development may have.
func (c Config) ValidateProduction() error {
	var errs config.Errors
	if c.SMS.Provider == Simulator {
		errs.Add("recovery.sms.provider", "simulator shows every code to everybody and is for development only: set twilio, and recovery.sms.twilio.{account_sid, auth_token_file, from or messaging_service_sid, webhook_base}")
	}
	for _, field := range [][2]string{{"webhook_base", c.SMS.Twilio.WebhookBase}, {"base_url", c.SMS.Twilio.BaseURL}} {
		if c.SMS.Provider == Twilio && field[1] != "" && !strings.HasPrefix(field[1], "https://") {
			errs.Add("recovery.sms.twilio."+field[0], "must be https in production: numbers, codes and the account's token go over it")
		}
	}
	if !strings.HasPrefix(c.PublicURL, "https://") {
		errs.Add("recovery.public_url", "must be https in production: its links stop recoveries")
	}
	if c.OriginHost == "localhost" {
		errs.Add("recovery.origin_host", "must be the host that people sign in at")
	}
	return errs.Err()
}

func isBase(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && !strings.HasSuffix(raw, "/") && u.RawQuery == "" && u.Fragment == ""
}

func (c Config) policy() (engine.Policy, error) {
	if c.PolicyFile == "" {
		return engine.Default()
	}
	text, err := os.ReadFile(c.PolicyFile)
	if err != nil {
		return engine.Policy{}, fmt.Errorf("can't be read: %w", err)
	}
	return engine.Parse(text)
}

const (
	inboundPath = "/v1/sms/twilio/inbound"
	statusPath  = "/v1/sms/twilio/status"
)

// sender is the configuration of shared/sms/twilio, with the token read from its file.
func (c TwilioConfig) sender() (twilio.Config, error) {
	if c.AuthTokenFile == "" {
		return twilio.Config{}, errors.New("must name the file with Twilio's auth token")
	}
	token, err := os.ReadFile(c.AuthTokenFile)
	if err != nil {
		return twilio.Config{}, fmt.Errorf("can't be read: %w", err)
	}
	return twilio.Config{
		AccountSID: c.AccountSID, AuthToken: secret.NewString(strings.TrimSpace(string(token))),
		From: c.From, MessagingServiceSID: c.MessagingServiceSID,
		StatusCallbackURL: c.WebhookBase + statusPath, BaseURL: c.BaseURL,
	}, nil
}

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
