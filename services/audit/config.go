package audit

import (
	"fmt"
	"os"

	"centinela/services/audit/internal/rules"
	"centinela/shared/config"
)

// Config is the part "audit" of the configuration.
type Config struct {
	RulesFile string `yaml:"rules_file" help:"rules (YAML) instead of those that the product ships with; empty for those"`
}

// DefaultConfig is the config of a new installation.
func DefaultConfig() Config { return Config{} }

// Validate returns every error at once, each with its path. It reads the rules.
func (c Config) Validate() error {
	var errs config.Errors
	if _, err := c.rules(); err != nil {
		errs.AddErr("audit.rules_file", err)
	}
	return errs.Err()
}

func (c Config) rules() ([]rules.Rule, error) {
	if c.RulesFile == "" {
		return rules.Default()
	}
	text, err := os.ReadFile(c.RulesFile)
	if err != nil {
		return nil, fmt.Errorf("can't be read: %w", err)
	}
	return rules.Parse(text)
}
